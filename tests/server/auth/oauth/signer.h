// Issues tokens for tests: a key pair of an issuer, with its public key as a member of a key set.
#pragma once
#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "server/auth/digest.h"
#include "server/auth/oauth/signatures.h"

namespace server::auth::oauth {

inline std::string base64url(std::string_view bytes) {
  std::string text = to_base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

// Returns the first two parts of a token.
inline std::string unsigned_token(std::string_view header, std::string_view claims) {
  return base64url(header) + "." + base64url(claims);
}

// Returns a token that is signed with the secret.
inline std::string token_with_secret(std::string_view secret, std::string_view claims,
                                     std::string_view header = R"({"alg":"HS256"})") {
  const std::string text = unsigned_token(header, claims);
  return text + "." + base64url(hmac(Hash::Sha256, secret, text));
}

// Threads: one.
class Signer {
 public:
  Signer(std::string_view algorithm, std::string kid, unsigned rsa_bits = 2048)
      : algorithm_(*find_algorithm(algorithm)),
        kid_(std::move(kid)),
        key_(algorithm_.key_type == KeyType::Rsa
                 ? rsa_key_of(kid_, rsa_bits)
                 : PublicKey(EVP_EC_gen(algorithm_.curve), EVP_PKEY_free)) {}

  // Returns the public key as JSON. `more` is added to its members.
  std::string key(std::string_view more = "") const {
    const bool is_rsa = algorithm_.key_type == KeyType::Rsa;
    const std::string numbers =
        is_rsa ? fmt::format(R"("kty":"RSA","n":"{}","e":"{}")", number(OSSL_PKEY_PARAM_RSA_N),
                             number(OSSL_PKEY_PARAM_RSA_E))
               : fmt::format(R"("kty":"EC","crv":"{}","x":"{}","y":"{}")", algorithm_.curve,
                             number(OSSL_PKEY_PARAM_EC_PUB_X), number(OSSL_PKEY_PARAM_EC_PUB_Y));
    return fmt::format(R"({{"kid":"{}",{}{}}})", kid_, numbers, more);
  }
  std::string key_set() const { return fmt::format(R"({{"keys":[{}]}})", key()); }

  std::string token(std::string_view claims) const {
    return token(fmt::format(R"({{"alg":"{}","kid":"{}"}})", algorithm_.name, kid_), claims);
  }
  std::string token(std::string_view header, std::string_view claims) const {
    const std::string text = unsigned_token(header, claims);
    return text + "." + base64url(sign(text));
  }

 private:
  // Returns the RSA key with this id. Creating a key takes up to seconds, so the keys are stored.
  static PublicKey rsa_key_of(const std::string& kid, unsigned bits) {
    static std::map<std::pair<std::string, unsigned>, PublicKey> made;
    PublicKey& key = made[{kid, bits}];
    if (!key) key = PublicKey(EVP_RSA_gen(bits), EVP_PKEY_free);
    return key;
  }
  std::string number(const char* name) const {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &number);
    const int size =
        algorithm_.curve_bytes > 0 ? algorithm_.curve_bytes : (BN_num_bits(number) + 7) / 8;
    std::string bytes(static_cast<size_t>(size), '\0');
    BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), size);
    BN_free(number);
    return base64url(bytes);
  }
  std::string sign(const std::string& text) const {
    const EVP_MD* hash = algorithm_.hash_bits == 256   ? EVP_sha256()
                         : algorithm_.hash_bits == 384 ? EVP_sha384()
                                                       : EVP_sha512();
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_PKEY_CTX* parameters = nullptr;
    EVP_DigestSignInit(context, &parameters, hash, nullptr, key_.get());
    if (algorithm_.has_pss) {
      EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING);
      EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST);
    }
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    size_t size = 0;
    EVP_DigestSign(context, nullptr, &size, bytes, text.size());
    std::string signature(size, '\0');
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                   text.size());
    EVP_MD_CTX_free(context);
    signature.resize(size);
    return algorithm_.key_type == KeyType::Ec ? both_numbers(signature) : signature;
  }
  // Converts an EC signature in DER to the form of RFC 7518, section 3.4.
  std::string both_numbers(const std::string& der) const {
    const auto* in = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &in, static_cast<long>(der.size()));
    const int size = algorithm_.curve_bytes;
    std::string bytes(2 * static_cast<size_t>(size), '\0');
    auto* out = reinterpret_cast<unsigned char*>(bytes.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, size);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + size, size);
    ECDSA_SIG_free(signature);
    return bytes;
  }

  const Algorithm& algorithm_;
  const std::string kid_;
  const PublicKey key_;  // includes the private part
};

}  // namespace server::auth::oauth
