// Which column a JSON key belongs to.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace engine {

// Finds fields by key: the exact name, else the upper-cased key. It learns which key follows which,
// because the records of one topic mostly have their keys in the same order; then a look-up is one
// comparison.
//
// Threads: one at a time.
class JsonFields {
 public:
  struct Match {
    int field = -1;      // index in the names, -1 if there is none
    bool exact = false;  // otherwise only the upper-cased key fits
  };

  explicit JsonFields(std::vector<std::string> names);

  // Begins an object.
  void begin() { previous_ = 0; }
  // The next key of the object, as it is between its quotes. Nothing if it has a bad escape.
  std::optional<Match> find(std::string_view raw_key) {
    const Known& guess = known_[known_[previous_].next];
    if (guess.raw_key == raw_key) {
      previous_ = known_[previous_].next;
      return guess.match;
    }
    return find_unexpected(raw_key);
  }

 private:
  struct Known {
    std::string raw_key;
    Match match;
    uint32_t next = 0;  // index in known_ of the key that came after this one last time
  };

  std::optional<Match> find_unexpected(std::string_view raw_key);
  Match resolve(std::string_view key) const;

  std::vector<std::string> names_;
  std::vector<Known> known_;  // the first stands for the beginning of an object, and for no key
  std::unordered_map<std::string, uint32_t> index_;  // raw key -> index in known_
  uint32_t previous_ = 0;
};

}  // namespace engine
