// Changes of the policy's text, as a person would make them with an editor: what is not concerned
// stays as it is, comments too. Pure.
#pragma once

#include <string>
#include <string_view>

#include "trust/policy.h"

namespace lethe::trust {

struct PolicyEdit {
  std::string bytes;
  Policy policy;  // what they say
};

struct KeyAddition {
  PolicyKey key;
  bool new_person = false;   // the person is added to 'people' too
  bool keep_number = false;  // the file already holds a change that nobody approved yet
};

// The next policy, with one more [[key]] at the end. A policy that is still too weak to be one
// keeps its number, and may still be too weak: it grows key by key. kConflict for a person who is
// not one of 'people' (or is, where it is new), a key that is there already or revoked, and where
// the text is written in a way that this editor does not follow (the person must edit it); else as
// ParsePolicy. `file` is only for messages.
Result<PolicyEdit> AddKey(std::string_view bytes, const KeyAddition& addition,
                          const std::string& file);

struct KeyRevocation {
  RevokedKey key;
  bool keep_number = false;
};

// The next policy, with one more [[revoked]] at the end. kNotFound for the fingerprint of no key of
// the policy, kConflict for one that is revoked already; kUntrusted where too few people would be
// left.
Result<PolicyEdit> RevokeKey(std::string_view bytes, const KeyRevocation& revocation,
                             const std::string& file);

}  // namespace lethe::trust
