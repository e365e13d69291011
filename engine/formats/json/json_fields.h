// Finds the column for a JSON key.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace engine {

// Finds the field whose name is the key; without one, the field whose name is the key in upper
// case. The object learns in which order the keys follow each other, because most records of a
// topic have the same keys in the same order. A look-up then takes one comparison.
//
// Threads: one at a time.
class JsonFields {
 public:
  // The result of find(). It is one small number that fits a register, because find() is called for
  // every key of every record.
  class Match {
   public:
    // the object has no field for the key
    static constexpr Match none() { return Match(-1); }
    static constexpr Match bad_escape() { return Match(-2); }  // the key is not a valid string
    // `exact`: true if the key equals the name of the field; false if only the key in upper case
    // equals it.
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

  // Begins the next object.
  void begin() { previous_ = 0; }
  // Finds the next key of the object; `raw_key` is the text between its quotes.
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
    uint32_t next = 0;  // index in known_ of the key that last followed this key
  };

  Match find_unexpected(std::string_view raw_key);
  Match resolve(std::string_view key) const;

  std::unordered_map<std::string, size_t> names_;  // name -> field; the first field of equal names
  std::vector<Known> known_;  // known_[0] stands for the beginning of an object
  std::unordered_map<std::string, uint32_t> index_;  // index in known_ by the key as it is written
  uint32_t previous_ = 0;
};

}  // namespace engine
