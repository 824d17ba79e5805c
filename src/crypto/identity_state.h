// What an Identity and TrustAnchors are to OpenSSL. Only for the sources of this folder.
#pragma once

#include <string>
#include <vector>

#include "crypto/identity.h"
#include "crypto/openssl.h"
#include "crypto/trust_anchors.h"

namespace lethe::crypto {

struct Identity::State {
  std::vector<Certificate> certificates;  // the own one first
  Key key;
  std::vector<std::string> ders;
  std::string subject_der;
};

struct TrustAnchors::State {
  std::vector<Certificate> certificates;
};

// All certificates of a PEM text. kMalformed: there is none, or one is broken, or too many.
Result<std::vector<Certificate>> ReadCertificates(const std::string& pem);

// A store for these anchors and rules: 112 bits of strength, dates as of `now_unix_s`.
Store MakeServerStore(const TrustAnchors& anchors, int64_t now_unix_s);

// Whether a certificate that was verified is a server's of that name, by its extended key usage
// and, where `name` is not empty, its names. The sentence is why not; empty: it is.
std::string WhyNotServer(X509* certificate, const ServerRules& rules);

}  // namespace lethe::crypto
