// DSSE envelopes (secure-systems-lab/dsse v1.0.2) around in-toto Statements v1. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"

namespace lethe::trust {

inline constexpr size_t kMaxEnvelopeBytes = 4 << 20;
inline constexpr size_t kMaxEnvelopeSignatures = 64;
inline constexpr size_t kMaxSubjects = 1024;
inline constexpr std::string_view kInTotoPayloadType = "application/vnd.in-toto+json";

struct DsseSignature {
  std::string keyid;  // a hint; decides nothing
  std::string sig;    // raw bytes; of a person: an armoured SSHSIG
};

struct DsseEnvelope {
  std::string payload_type;
  std::string payload;
  std::vector<DsseSignature> signatures;
};

// Both base64 alphabets are accepted; unknown members are ignored, as the spec wants. kMalformed.
Result<DsseEnvelope> ParseDsse(std::string_view text);
std::string WriteDsse(const DsseEnvelope& envelope);  // canonical JSON, one line, no '\n'

// The pre-authentication encoding: what is signed.
std::string DssePae(std::string_view payload_type, std::string_view payload);

// in-toto Statement v1.
struct Subject {
  std::string name;
  std::map<std::string, std::string> digest;  // algorithm: lower-case hex
};
struct Statement {
  std::vector<Subject> subjects;
  std::string predicate_type;
  json::Value predicate;
};
// kMalformed: another _type, no subject, a subject without digest, a digest that is not lower-case
// hex.
Result<Statement> ParseStatement(std::string_view text);
std::string WriteStatement(const Statement& statement);  // canonical JSON

}  // namespace lethe::trust
