// Changed entries of a task's stores, in the encoded form in which the journal stores them.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace engine {

// One changed entry of a store. Entries are absolute: applying an entry twice has the same effect as applying it
// once.
struct StateEntry {
  enum class Kind : uint8_t {
    Put,          // the key gets the value
    Delete,       // the key is removed
    DeleteBelow,  // all smaller keys are removed
  };
  uint32_t store = 0;  // index of the store in its task
  Kind kind = Kind::Put;
  std::string_view key, value;  // views of bytes that belong to the caller
  bool operator==(const StateEntry&) const = default;
};

// Appends the bytes that `encode` produces, with their length in front. Returns their number. If it
// is equal to `about_bytes`, no bytes have to be moved afterwards.
template <class Encode>
size_t append_sized_by(std::string& out, size_t about_bytes, const Encode& encode) {
  const size_t at = out.size();
  append_varint(out, about_bytes);
  const size_t begin = out.size();
  encode(out);
  const size_t bytes = out.size() - begin;
  if (bytes == about_bytes) return bytes;
  std::string length;
  append_varint(length, bytes);
  out.replace(at, begin - at, length);
  return bytes;
}

// Changed entries, encoded once in the form of the journal. (A checkpoint is later made from the
// bytes of the journal.) One string holds thousands of entries, and is freed in one step.
//
// Threads: one at a time.
class StateChanges {
 public:
  StateChanges() = default;

  void append(const StateEntry& entry);
  // Appends a Put. `encode` writes its value, which has about `about_bytes` bytes. Returns the actual length of the
  // value.
  template <class Encode>
  size_t append_put(uint32_t store, std::string_view key, size_t about_bytes,
                    const Encode& encode) {
    begin_put(store, key, about_bytes);
    return append_sized_by(bytes_, about_bytes, encode);
  }

  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  const std::string& bytes() const { return bytes_; }
  // Returns `head` followed by bytes(). The bytes are moved within their buffer instead of being
  // copied to a new one, because there may be many.
  std::string bytes_after(std::string_view head) &&;

  // Parses stored bytes(). Fails with CorruptRecord unless they are exactly `count` whole entries.
  static Result<StateChanges> from_bytes(std::string_view bytes, uint64_t count);

  bool operator==(const StateChanges&) const = default;

 private:
  void begin_put(uint32_t store, std::string_view key, size_t about_bytes);

  std::string bytes_;
  size_t count_ = 0;
};

// Reads entries one after the other. The entries are views of the bytes.
class StateChangeReader {
 public:
  explicit StateChangeReader(std::string_view bytes) : left_(bytes) {}
  // Reads the next entry. Returns false at the end, or if the bytes are damaged.
  bool next(StateEntry& entry);
  bool is_damaged() const { return is_damaged_; }
  // Returns the bytes after the entries that were read.
  std::string_view rest() const { return left_; }

 private:
  std::string_view left_;
  bool is_damaged_ = false;
};

}  // namespace engine
