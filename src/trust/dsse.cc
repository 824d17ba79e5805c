#include "trust/dsse.h"

#include <algorithm>

#include "base/base64.h"
#include "base/strings.h"

namespace lethe::trust {
namespace {

constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
constexpr size_t kMaxDigestsPerSubject = 16;
constexpr size_t kMaxDigestDigits = 256;

Error Bad(std::string_view what) { return Error{ErrorCode::kMalformed, std::string(what)}; }

Result<std::string> StringOf(const json::Value& object, std::string_view key) {
  const json::Value* value = object.Find(key);
  if (value == nullptr || value->AsString() == nullptr)
    return Bad("key '" + std::string(key) + "': must be a string");
  return *value->AsString();
}

Result<std::string> Base64Of(const json::Value& object, std::string_view key) {
  return LETHE_TRY_IN(Base64DecodeAnyForm(LETHE_TRY(StringOf(object, key))),
                      "key '" + std::string(key) + "'");
}

Result<const json::Array*> ArrayOf(const json::Value& object, std::string_view key, size_t most) {
  const json::Value* value = object.Find(key);
  const json::Array* array = value == nullptr ? nullptr : value->AsArray();
  if (array == nullptr || array->empty() || array->size() > most) {
    return Bad("key '" + std::string(key) + "': must be an array of 1 to " + std::to_string(most));
  }
  return array;
}

Result<DsseEnvelope> ReadEnvelope(const json::Value& value) {
  DsseEnvelope envelope;
  envelope.payload_type = LETHE_TRY(StringOf(value, "payloadType"));
  envelope.payload = LETHE_TRY(Base64Of(value, "payload"));
  for (const json::Value& entry :
       *LETHE_TRY(ArrayOf(value, "signatures", kMaxEnvelopeSignatures))) {
    DsseSignature signature;
    if (entry.Find("keyid") != nullptr) signature.keyid = LETHE_TRY(StringOf(entry, "keyid"));
    signature.sig = LETHE_TRY(Base64Of(entry, "sig"));
    envelope.signatures.push_back(std::move(signature));
  }
  return envelope;
}

bool IsHex(std::string_view text) {
  return !text.empty() && text.size() % 2 == 0 && text.size() <= kMaxDigestDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<Subject> ReadSubject(const json::Value& value) {
  Subject subject;
  if (value.Find("name") != nullptr) subject.name = LETHE_TRY(StringOf(value, "name"));
  const json::Value* digest = value.Find("digest");
  const json::Object* digests = digest == nullptr ? nullptr : digest->AsObject();
  if (digests == nullptr || digests->empty() || digests->size() > kMaxDigestsPerSubject)
    return Bad("key 'digest': must be an object of 1 to 16 digests");
  for (const auto& [algorithm, hex] : *digests) {
    if (hex.AsString() == nullptr || !IsHex(*hex.AsString())) {
      return Bad("digest '" + Printable(algorithm) + "': must be lower-case hexadecimal digits");
    }
    subject.digest.emplace(algorithm, *hex.AsString());
  }
  return subject;
}

Result<Statement> ReadStatement(const json::Value& value) {
  Statement statement;
  const std::string type = LETHE_TRY(StringOf(value, "_type"));
  if (type != kStatementType) return Bad("key '_type': '" + Printable(type) + "' is not known");
  for (const json::Value& entry : *LETHE_TRY(ArrayOf(value, "subject", kMaxSubjects))) {
    statement.subjects.push_back(LETHE_TRY_IN(
        ReadSubject(entry), "subject[" + std::to_string(statement.subjects.size()) + "]"));
  }
  statement.predicate_type = LETHE_TRY(StringOf(value, "predicateType"));
  if (statement.predicate_type.empty()) return Bad("key 'predicateType': must not be empty");
  if (const json::Value* predicate = value.Find("predicate")) {
    if (predicate->AsObject() == nullptr) return Bad("key 'predicate': must be an object");
    statement.predicate = *predicate;
  }
  return statement;
}

}  // namespace

Result<DsseEnvelope> ParseDsse(std::string_view text) {
  constexpr const char* kWhat = "DSSE envelope";
  const json::Value value =
      LETHE_TRY_IN(json::Parse(text, {.max_bytes = kMaxEnvelopeBytes}), kWhat);
  return LETHE_TRY_IN(ReadEnvelope(value), kWhat);
}

std::string WriteDsse(const DsseEnvelope& envelope) {
  json::Array signatures;
  for (const DsseSignature& signature : envelope.signatures) {
    signatures.push_back(
        json::Object{{"keyid", signature.keyid}, {"sig", Base64Encode(signature.sig)}});
  }
  return json::Write(json::Object{{"payloadType", envelope.payload_type},
                                  {"payload", Base64Encode(envelope.payload)},
                                  {"signatures", std::move(signatures)}});
}

std::string DssePae(std::string_view payload_type, std::string_view payload) {
  std::string out = "DSSEv1 ";
  out += std::to_string(payload_type.size()) + " ";
  out += payload_type;
  out += " " + std::to_string(payload.size()) + " ";
  out += payload;
  return out;
}

Result<Statement> ParseStatement(std::string_view text) {
  constexpr const char* kWhat = "in-toto statement";
  const json::Value value =
      LETHE_TRY_IN(json::Parse(text, {.max_bytes = kMaxEnvelopeBytes}), kWhat);
  return LETHE_TRY_IN(ReadStatement(value), kWhat);
}

std::string WriteStatement(const Statement& statement) {
  json::Array subjects;
  for (const Subject& subject : statement.subjects) {
    json::Object digests;
    for (const auto& [algorithm, hex] : subject.digest) digests.emplace(algorithm, hex);
    json::Object entry{{"digest", std::move(digests)}};
    if (!subject.name.empty()) entry.emplace("name", subject.name);
    subjects.push_back(std::move(entry));
  }
  json::Object out{{"_type", kStatementType},
                   {"subject", std::move(subjects)},
                   {"predicateType", statement.predicate_type}};
  if (!statement.predicate.IsNull()) out.emplace("predicate", statement.predicate);
  return json::Write(out);
}

}  // namespace lethe::trust
