#include "server/auth/oauth/signatures.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>

#include "server/auth/digest.h"

namespace server::auth::oauth {

namespace {

constexpr std::array kAlgorithms = {
    Algorithm{"RS256", KeyType::Rsa, 256},
    Algorithm{"RS384", KeyType::Rsa, 384},
    Algorithm{"RS512", KeyType::Rsa, 512},
    Algorithm{.name = "PS256", .key_type = KeyType::Rsa, .hash_bits = 256, .has_pss = true},
    Algorithm{.name = "PS384", .key_type = KeyType::Rsa, .hash_bits = 384, .has_pss = true},
    Algorithm{.name = "PS512", .key_type = KeyType::Rsa, .hash_bits = 512, .has_pss = true},
    Algorithm{"ES256", KeyType::Ec, 256, false, 32, "P-256"},
    Algorithm{"ES384", KeyType::Ec, 384, false, 48, "P-384"},
    Algorithm{"ES512", KeyType::Ec, 512, false, 66, "P-521"},
    Algorithm{"HS256", KeyType::Secret, 256}};

template <class T, void (*kFree)(T*)>
struct Freed {
  void operator()(T* it) const { kFree(it); }
};
template <class T, void (*kFree)(T*)>
using Owned = std::unique_ptr<T, Freed<T, kFree>>;
using Number = Owned<BIGNUM, BN_free>;
using Context = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using Builder = Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Parameters = Owned<OSSL_PARAM, OSSL_PARAM_free>;

const unsigned char* signed_bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

const EVP_MD* hash_of(const Algorithm& algorithm) {
  return algorithm.hash_bits == 256   ? EVP_sha256()
         : algorithm.hash_bits == 384 ? EVP_sha384()
                                      : EVP_sha512();
}

Number number_of(std::string_view bytes) {
  return Number(BN_bin2bn(signed_bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

PublicKey key_of(const char* type, OSSL_PARAM_BLD* builder) {
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
  const Context context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return nullptr;
  PublicKey made(key, EVP_PKEY_free);
  const Context checked(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (!checked || EVP_PKEY_public_check(checked.get()) != 1) return nullptr;
  return made;
}

// Converts the two numbers of an EC signature to the DER form that OpenSSL checks (RFC 7518, section 3.4). Returns an
// empty text if they have another size.
std::string der_of(std::string_view signature, size_t number_bytes) {
  if (signature.size() != 2 * number_bytes) return {};
  const Owned<ECDSA_SIG, ECDSA_SIG_free> numbers(ECDSA_SIG_new());
  Number r = number_of(signature.substr(0, number_bytes));
  Number s = number_of(signature.substr(number_bytes));
  if (!numbers || !r || !s || ECDSA_SIG_set0(numbers.get(), r.get(), s.get()) != 1) return {};
  (void)r.release();  // the signature owns both numbers now
  (void)s.release();
  const int size = i2d_ECDSA_SIG(numbers.get(), nullptr);
  if (size <= 0) return {};
  std::string der(static_cast<size_t>(size), '\0');
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  i2d_ECDSA_SIG(numbers.get(), &out);
  return der;
}

}  // namespace

const Algorithm* find_algorithm(std::string_view name) {
  const auto* const found = std::ranges::find(kAlgorithms, name, &Algorithm::name);
  return found == kAlgorithms.end() ? nullptr : found;
}

std::string_view algorithm_names() {
  return "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512";
}

PublicKey rsa_key(std::string_view modulus, std::string_view exponent) {
  constexpr size_t kMostBytes = kMostRsaBits / 8 + 1;
  if (modulus.size() > kMostBytes || exponent.empty() || exponent.size() > 8) return nullptr;
  const Number n = number_of(modulus), e = number_of(exponent);
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder || BN_num_bits(n.get()) < kLeastRsaBits ||
      BN_num_bits(n.get()) > kMostRsaBits || BN_is_odd(e.get()) != 1 || BN_is_one(e.get()) == 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return nullptr;
  return key_of("RSA", builder.get());
}

PublicKey ec_key(const Algorithm& algorithm, std::string_view x, std::string_view y) {
  const auto size = static_cast<size_t>(algorithm.curve_bytes);
  if (x.size() != size || y.size() != size) return nullptr;
  constexpr char kUncompressed = 4;
  std::string point(1, kUncompressed);
  point += x;
  point += y;
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, algorithm.curve,
                                      0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1)
    return nullptr;
  return key_of("EC", builder.get());
}

bool is_signed_by(const PublicKey& key, const Algorithm& algorithm, std::string_view text,
                  std::string_view signature) {
  const bool is_ec = algorithm.key_type == KeyType::Ec;
  if (EVP_PKEY_is_a(key.get(), is_ec ? "EC" : "RSA") != 1) return false;
  std::string der;
  if (is_ec) {
    der = der_of(signature, static_cast<size_t>(algorithm.curve_bytes));
    if (der.empty()) return false;
    signature = der;
  }
  const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;  // the context owns it
  if (!context ||
      EVP_DigestVerifyInit(context.get(), &parameters, hash_of(algorithm), nullptr, key.get()) != 1)
    return false;
  // The salt of PSS has the size of the digest (RFC 7518, section 3.5).
  if (algorithm.has_pss &&
      (EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) != 1 ||
       EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) != 1))
    return false;
  return EVP_DigestVerify(context.get(), signed_bytes_of(signature), signature.size(),
                          signed_bytes_of(text), text.size()) == 1;
}

bool is_signed_with(std::string_view secret, std::string_view text, std::string_view signature) {
  return secret.size() >= kLeastSecretBytes &&
         is_same_secret(hmac(Hash::Sha256, secret, text), signature);
}

}  // namespace server::auth::oauth
