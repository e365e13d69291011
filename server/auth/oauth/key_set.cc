#include "server/auth/oauth/key_set.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/auth/oauth/base64url.h"
#include "server/auth/oauth/json_object.h"

namespace server::auth::oauth {

namespace {

using simdjson::dom::array;
using simdjson::dom::object;

// The number of keys is limited, because for a token without a key id all keys of the set may be tried.
constexpr size_t kMostKeys = 100;

Error not_a_set(std::string why, std::string hint = {}) {
  return {ErrorCode::InvalidParameter, std::move(why), {}, std::move(hint)};
}

std::optional<std::string> number(object key, std::string_view name) {
  const auto text = JsonObject::text_of(key, name);
  return text ? from_base64url(*text) : std::nullopt;
}

// Whether the key may check signatures, by its members `use` and `key_ops` (RFC 7517, sections 4.2 and 4.3).
bool checks_signatures(object key) {
  if (const auto use = JsonObject::text_of(key, "use"); use && *use != "sig") return false;
  array operations;
  if (key.at_key("key_ops").get(operations) != simdjson::SUCCESS) return true;
  return std::any_of(operations.begin(), operations.end(), [](simdjson::dom::element each) {
    std::string_view text;
    return each.get(text) == simdjson::SUCCESS && text == "verify";
  });
}

// Returns the algorithm whose curve has this name in a key, or null.
const Algorithm* algorithm_of_curve(std::string_view curve) {
  for (const char* name : {"ES256", "ES384", "ES512"})
    if (const Algorithm* algorithm = find_algorithm(name); curve == algorithm->curve)
      return algorithm;
  return nullptr;
}

}  // namespace

Result<KeySet> KeySet::parse(std::string_view text) {
  if (text.size() > kMostKeySetBytes) return not_a_set("the key set is longer than 1 MB");
  const auto document = JsonObject::parse(text);
  array keys;
  if (!document || document->object().at_key("keys").get(keys) != simdjson::SUCCESS)
    return not_a_set("the text is not a JSON Web Key Set",
                     "A key set is an object such as {\"keys\": [{\"kty\": \"RSA\", ...}]}.");
  KeySet set;
  for (const auto element : keys) {
    object key;
    if (element.get(key) != simdjson::SUCCESS || !checks_signatures(key)) continue;
    Key made{std::string(JsonObject::text_of(key, "kid").value_or("")),
             std::string(JsonObject::text_of(key, "alg").value_or("")), KeyType::Rsa, 0, nullptr};
    const std::string_view type = JsonObject::text_of(key, "kty").value_or("");
    if (type == "RSA") {
      const auto modulus = number(key, "n"), exponent = number(key, "e");
      if (modulus && exponent) made.key = rsa_key(*modulus, *exponent);
    } else if (type == "EC") {
      const auto* curve = algorithm_of_curve(JsonObject::text_of(key, "crv").value_or(""));
      const auto x = number(key, "x"), y = number(key, "y");
      if (curve && x && y) made.key = ec_key(*curve, *x, *y);
      if (curve) made.curve_bytes = curve->curve_bytes;
      made.type = KeyType::Ec;
    }
    if (made.key) set.keys_.push_back(std::move(made));
    if (set.keys_.size() > kMostKeys)
      return not_a_set(fmt::format("the key set has more than {} keys", kMostKeys));
  }
  if (set.keys_.empty())
    return not_a_set("the key set has no key that can check signatures",
                     fmt::format("Keys of the types RSA (from {} bits) and EC (P-256, P-384, "
                                 "P-521) are supported.",
                                 kLeastRsaBits));
  return set;
}

KeySet::Verdict KeySet::check(const Algorithm& algorithm, std::string_view kid,
                              std::string_view text, std::string_view signature) const {
  Verdict verdict = Verdict::NoKey;
  for (const Key& each : keys_) {
    if (!kid.empty() && each.id != kid) continue;
    const bool fits = each.type == algorithm.key_type &&
                      each.curve_bytes == algorithm.curve_bytes &&
                      (each.algorithm.empty() || each.algorithm == algorithm.name);
    if (fits && is_signed_by(each.key, algorithm, text, signature)) return Verdict::Valid;
    if (fits)
      verdict = Verdict::Wrong;
    else if (verdict == Verdict::NoKey && !kid.empty())
      verdict = Verdict::Misfit;
  }
  return verdict;
}

std::string KeySet::ids() const {
  std::string all;
  for (const Key& each : keys_) {
    if (!all.empty()) all += ',';
    all += each.id.empty() ? "(none)" : each.id;
  }
  return all;
}

}  // namespace server::auth::oauth
