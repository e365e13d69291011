// The public keys of an issuer of tokens, as it publishes them: a JSON Web Key Set (RFC 7517).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/auth/oauth/signatures.h"

namespace server::auth::oauth {

// Limit for the text of a key set. The key sets of public issuers have a few kilobytes.
inline constexpr size_t kMostKeySetBytes = 1 << 20;

// Threads: any; immutable.
class KeySet {
 public:
  // Parses the set. Keys that cannot be used are skipped: keys for encryption, keys of other types
  // or curves, symmetric keys, and RSA keys shorter than kLeastRsaBits. Fails with InvalidParameter
  // if the text is not a key set, or contains no usable key.
  static Result<KeySet> parse(std::string_view text);

  enum class Verdict : uint8_t {
    Valid,
    Wrong,   // the signature was not made with the key
    NoKey,   // no key has this id
    Misfit,  // the key with this id is not for this algorithm
  };
  // Checks a signature with the key of this id. If `kid` is empty, each key for the algorithm is
  // tried.
  Verdict check(const Algorithm& algorithm, std::string_view kid, std::string_view text,
                std::string_view signature) const;
  // Returns the ids of all keys, separated by commas, for the log.
  std::string ids() const;
  size_t size() const { return keys_.size(); }

 private:
  struct Key {
    std::string id;         // empty: none
    std::string algorithm;  // `alg`; empty: any algorithm that fits the key's type
    KeyType type;
    int curve_bytes;  // 0: RSA
    PublicKey key;
  };
  std::vector<Key> keys_;
};

}  // namespace server::auth::oauth
