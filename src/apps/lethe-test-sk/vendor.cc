#include "apps/lethe-test-sk/vendor.h"

#include "base/base64.h"

namespace lethe::test_sk {

std::string VendorCertificate() {
  return Base64Decode(
             "MIICDzCCAbagAwIBAgIUZ6FM+PQnNn6/OWFyvk0hr02iSrswCgYIKoZIzj0EAwIwNjELMAkGA1UEBhMC"
             "WloxGDAWBgNVBAoMD0xldGhlIHRlc3Qgb25seTENMAsGA1UEAwwEcm9vdDAgFw0yNjExMjUwNzQ1NDNa"
             "GA8yMTI2MTEwMTA3NDU0M1owYzELMAkGA1UEBhMCWloxGDAWBgNVBAoMD0xldGhlIHRlc3Qgb25seTEi"
             "MCAGA1UECwwZQXV0aGVudGljYXRvciBBdHRlc3RhdGlvbjEWMBQGA1UEAwwNbGV0aGUtdGVzdC1zazBZ"
             "MBMGByqGSM49AgEGCCqGSM49AwEHA0IABMbIiVqmpJD9Km8eUkFT3y90Z2bWPQ889rvsFgh0uRV2OhAm"
             "YRpFUTe84qSfmdQWqxyWxCHMbgv/Jwb8i1MoCYGjczBxMAwGA1UdEwEB/wQCMAAwIQYLKwYBBAGC5RwB"
             "AQQEEgQQTg7kS54tFapnCNyYIqPUSzAdBgNVHQ4EFgQU/uxqLErWiy6hjVkSDHBNmnkOoNEwHwYDVR0j"
             "BBgwFoAUATWgg69xDH7VI+Urwquz2ETc3uAwCgYIKoZIzj0EAwIDRwAwRAIgbIlWRpB744KV5uUXB/zS"
             "NSA5h+v0zQiZoa8fU7PvyKwCIHjPe3pSSdFbJGMEKckCLUJ23iPDRoCTW5hoBKfWZOVg")
      .value();
}

}  // namespace lethe::test_sk
