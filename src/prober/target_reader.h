// What the readers of credential files share. Errors name the key and never a secret.
#pragma once

#include <string_view>

#include "prober/inner.h"
#include "prober/target.h"
#include "toml/toml.h"

namespace lethe::prober {

Error BadKey(const toml::TableReader& reader, int line, std::string_view key, std::string_view why);

Result<IpAddress> ReadAddress(toml::TableReader& reader, std::string_view key);

// The tables of the protocols. `target` is read but for its credentials.
Result<Credentials> ReadWireGuard(toml::TableReader& reader, const Target& target);
Result<Credentials> ReadOpenVpn(toml::TableReader& reader, const Target& target);
Result<Credentials> ReadIkev2(toml::TableReader& reader, const Target& target);
Result<Credentials> ReadL2tp(toml::TableReader& reader, const Target& target);

}  // namespace lethe::prober
