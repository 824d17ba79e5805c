// Answers to each probe. A stranger's are taken or not, and never crash; nobody without the
// server's key is taken for a WireGuard server.

#include "probe/probe.h"
#include "base/assert.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lethe::probe;  // NOLINT: short as a script
  Random random;
  random.fill(0x41);  // what an answer must repeat, within reach of the fuzzer
  const std::string_view answer = lethe::fuzz::View(data, size);
  for (const Exchange& exchange :
       {OpenVpnUdp(random), OpenVpnTcp(random), Ikev2(random), Dns(random)}) {
    (void)exchange.is_answer(answer);
    LETHE_ASSERT(!exchange.is_answer(exchange.request));
  }
  lethe::crypto::X25519Key secret, server;
  secret.fill(1);
  server.fill(2);
  const auto wireguard = WireGuard({secret, lethe::crypto::X25519PublicKey(server)}, random, 1, 1);
  LETHE_ASSERT(wireguard.has_value() && !wireguard->is_answer(answer));
  return 0;
}
