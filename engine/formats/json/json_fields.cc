#include "engine/formats/json/json_fields.h"

#include "engine/formats/json/json_tokens.h"

namespace engine {

namespace {

// A key that matches no field: JSON texts cannot contain a zero byte in a key.
constexpr std::string_view kNoKey{"\0", 1};

}  // namespace

JsonFields::JsonFields(std::vector<std::string> names) {
  names_.reserve(names.size());
  for (size_t i = 0; i < names.size(); ++i) names_.emplace(std::move(names[i]), i);
  known_.push_back({std::string(kNoKey), Match::none(), 0});
}

JsonFields::Match JsonFields::find_unexpected(std::string_view raw_key) {
  // Limits, because objects that always have new keys must not exhaust the memory.
  constexpr size_t kMostKnown = 1024, kLongestKnown = 256;
  const auto found = index_.find(std::string(raw_key));
  if (found != index_.end()) {
    known_[previous_].next = found->second;
    previous_ = found->second;
    return known_[previous_].match;
  }
  std::string key;
  if (!append_unescaped(key, raw_key)) return Match::bad_escape();
  const Match match = resolve(key);
  if (known_.size() >= kMostKnown || raw_key.size() > kLongestKnown) return match;
  const auto added = static_cast<uint32_t>(known_.size());
  known_.push_back({std::string(raw_key), match, 0});
  index_.emplace(raw_key, added);
  known_[previous_].next = added;
  previous_ = added;
  return match;
}

JsonFields::Match JsonFields::resolve(std::string_view key) const {
  std::string name(key);
  if (const auto exact = names_.find(name); exact != names_.end())
    return Match::field(exact->second, true);
  for (char& c : name)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  const auto upper = names_.find(name);
  return upper == names_.end() ? Match::none() : Match::field(upper->second, false);
}

}  // namespace engine
