// Text as the libraries of this folder take bytes. Only for the sources of this folder.
#pragma once

#include <string>
#include <string_view>

namespace lethe::crypto {

inline const unsigned char* Unsigned(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
inline unsigned char* Unsigned(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

}  // namespace lethe::crypto
