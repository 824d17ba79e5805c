// Base64 (RFC 4648), read strictly: one spelling for each string of bytes.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace lethe {

struct Base64Form {
  bool url = false;     // "-_" of section 5 instead of "+/" of section 4
  bool padding = true;  // '=' up to a multiple of four characters
};

std::string Base64Encode(std::string_view bytes, const Base64Form& form = {});

// kMalformed (with the offset) for anything but what Base64Encode writes in this form: white space,
// characters of another alphabet, missing, superfluous or inner padding, bits that are not zero
// behind the last byte.
Result<std::string> Base64Decode(std::string_view text, const Base64Form& form = {});

// As Base64Decode, in whichever form the text is (DSSE allows both alphabets). One text does not
// mix them.
Result<std::string> Base64DecodeAnyForm(std::string_view text);

}  // namespace lethe
