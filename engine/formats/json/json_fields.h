// Which column a JSON key belongs to.
#pragma once
#include <cstdint>
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
  // One small number, so that it travels in a register: this is asked for every key of every
  // record.
  class Match {
   public:
    static constexpr Match none() { return Match(-1); }        // there is no such field
    static constexpr Match bad_escape() { return Match(-2); }  // the key is no valid string
    // `exact`: the key is the name itself; otherwise only the upper-cased key is.
    static constexpr Match field(size_t index, bool exact) {
      return Match(static_cast<int32_t>(index) * 2 + (exact ? 1 : 0));
    }
    bool is_field() const { return code_ >= 0; }
    bool is_bad_escape() const { return code_ == -2; }
    bool is_exact() const { return (code_ & 1) != 0; }
    size_t index() const { return static_cast<size_t>(code_ >> 1); }

   private:
    explicit constexpr Match(int32_t code) : code_(code) {}
    int32_t code_;
  };

  explicit JsonFields(std::vector<std::string> names);

  // Begins an object.
  void begin() { previous_ = 0; }
  // The next key of the object, as it is between its quotes.
  Match find(std::string_view raw_key) {
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
    Match match = Match::none();
    uint32_t next = 0;  // index in known_ of the key that came after this one last time
  };

  Match find_unexpected(std::string_view raw_key);
  Match resolve(std::string_view key) const;

  std::unordered_map<std::string, size_t> names_;  // name -> field; the first of equal ones
  std::vector<Known> known_;  // the first stands for the beginning of an object, and for no key
  std::unordered_map<std::string, uint32_t> index_;  // raw key -> index in known_
  uint32_t previous_ = 0;
};

}  // namespace engine
