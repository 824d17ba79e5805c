#include "trust/refusal.h"

namespace lethe::trust {

std::string_view ToString(Reason reason) {
  switch (reason) {
    case Reason::kMalformed:
      return "malformed";
    case Reason::kUnsigned:
      return "unsigned";
    case Reason::kBadSignature:
      return "bad-signature";
    case Reason::kWrongNamespace:
      return "wrong-namespace";
    case Reason::kNoTouch:
      return "no-touch";
    case Reason::kNoPin:
      return "no-pin";
    case Reason::kUnknownKey:
      return "unknown-key";
    case Reason::kKeyRevoked:
      return "key-revoked";
    case Reason::kKeyNotYetValid:
      return "key-not-yet-valid";
    case Reason::kKeyExpired:
      return "key-expired";
    case Reason::kKeyMayNot:
      return "key-may-not";
    case Reason::kTestKey:
      return "test-key";
    case Reason::kClonedKey:
      return "cloned-key";
    case Reason::kOnePerson:
      return "one-person";
    case Reason::kOnlyAuthor:
      return "only-author";
    case Reason::kUnownedPath:
      return "unowned-path";
    case Reason::kNoOwner:
      return "no-owner";
    case Reason::kBadOwners:
      return "bad-owners";
    case Reason::kMergeContent:
      return "merge-content";
    case Reason::kTooFewApprovals:
      return "too-few-approvals";
    case Reason::kApprovedTwice:
      return "approved-twice";
    case Reason::kWrongObject:
      return "wrong-object";
    case Reason::kWrongImage:
      return "wrong-image";
    case Reason::kNotYetValid:
      return "not-yet-valid";
    case Reason::kExpired:
      return "expired";
    case Reason::kBuildersMissing:
      return "builders-missing";
    case Reason::kLogMissing:
      return "log-missing";
    case Reason::kUnknownPart:
      return "unknown-part";
    case Reason::kOtherPolicy:
      return "other-policy";
    case Reason::kPolicyRollback:
      return "policy-rollback";
    case Reason::kPolicyWeak:
      return "policy-weak";
  }
  return "unknown";
}

Error Refusal::AsError() const {
  switch (reason) {
    case Reason::kMalformed:
      return {ErrorCode::kMalformed, message};
    case Reason::kExpired:
      return {ErrorCode::kExpired, message};
    default:
      return {ErrorCode::kUntrusted, message};
  }
}

Refusal RefusalFrom(const Error& error, Reason otherwise) {
  return {error.code == ErrorCode::kMalformed ? Reason::kMalformed : otherwise, error.message};
}

}  // namespace lethe::trust
