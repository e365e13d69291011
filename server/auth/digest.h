// The digests that passwords need, over OpenSSL. Nothing here keeps state.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace server::auth {

enum class Hash : uint8_t { Sha256, Sha512 };

size_t digest_size(Hash hash);
std::string digest(Hash hash, std::string_view bytes);
std::string hmac(Hash hash, std::string_view key, std::string_view bytes);
// PBKDF2 with that HMAC, one block long. Takes about a millisecond for 4096 iterations.
std::string salted_password(Hash hash, std::string_view password, std::string_view salt,
                            int iterations);

// Takes as long whatever the bytes are; their lengths are no secret.
bool is_same_secret(std::string_view a, std::string_view b);

// Of the system, for secrets. Ends the process where there are none: nothing would be safe.
std::string random_bytes(size_t size);

std::string to_base64(std::string_view bytes);
// The standard alphabet with padding; nothing for anything else.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace server::auth
