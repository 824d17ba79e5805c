// Why trust was refused: one closed list of reasons, so that callers and tests branch on the reason
// and people read the sentence. Malformed input is a reason of its own and is never merged with the
// others.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace lethe::trust {

enum class Reason {
  kMalformed,       // the bytes do not follow their format
  kUnsigned,        // no signature where one must be
  kBadSignature,    // the signature is not of these bytes by this key
  kWrongNamespace,  // made for another purpose
  kNoTouch,         // nobody touched the key
  kNoPin,           // touched without the PIN that the policy asks for
  kUnknownKey,      // not a key of the policy
  kKeyRevoked,
  kKeyNotYetValid,
  kKeyExpired,
  kKeyMayNot,     // known, but not for this use
  kTestKey,       // a software authenticator's, where the policy does not allow them
  kClonedKey,     // the counter shows two authenticators with one key
  kOnePerson,     // nobody but the author stands behind it
  kOnlyAuthor,    // the approver is the only author
  kUnownedPath,   // no owner is named for a path
  kNoOwner,       // owners are named, none of them approved
  kBadOwners,     // the owners file is missing, unreadable or names strangers
  kMergeContent,  // a merge that changes content itself
  kTooFewApprovals,
  kApprovedTwice,    // by one person, where each counts once
  kWrongObject,      // an object is not what its name says, or the statement is about another one
  kWrongImage,       // size or digest of the image differ
  kNotYetValid,      // the release begins later
  kExpired,          // the release, or the policy for it, has ended
  kBuildersMissing,  // the policy asks for builders that did not attest
  kLogMissing,       // the policy asks for a log entry that is not there
  kUnknownPart,      // a bundle carries a proof that nothing here can judge
  kOtherPolicy,      // made for another policy than the checker's
  kPolicyRollback,   // an older policy, or a gap in the chain
  kPolicyWeak,       // nobody could satisfy it, or one person alone could
};

// "no-touch": stable, for --json and tests.
std::string_view ToString(Reason reason);

struct Refusal {
  Reason reason;
  std::string message;  // as Error::message

  [[nodiscard]] Refusal In(std::string_view context) const {
    return {reason, std::string(context) + ": " + message};
  }
  // kMalformed and kExpired as such, all else kUntrusted.
  Error AsError() const;
};

// A value that is proven, or why it is not.
template <typename T>
using Verdict = Result<T, Refusal>;

// What a parser says, as a verdict: its kMalformed stays malformed, any other error becomes
// `otherwise`.
Refusal RefusalFrom(const Error& error, Reason otherwise);
template <typename T>
Verdict<T> Judge(Result<T> parsed, Reason otherwise) {
  if (!parsed) return RefusalFrom(parsed.error(), otherwise);
  return std::move(parsed).value();
}

}  // namespace lethe::trust
