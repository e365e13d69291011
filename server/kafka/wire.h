// Kafka's encoding of numbers, texts, arrays and tagged fields. One set of functions reads and
// writes both encodings of the protocol, the old one and the "flexible" one. Generated messages use
// only these functions.
#pragma once
#include <bit>
#include <cassert>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/errors.h"
#include "base/uuid.h"

namespace server::kafka {

// Limit for the elements of all arrays of one message: in memory an element takes up to about 50
// times as many bytes as in the request.
inline constexpr size_t kMaxElements = 250'000;

// The record batches of one partition. If the message was read, they are in one piece. If the
// message will be written, they are in the pieces that the log has; the pieces are copied only when
// the message is written.
class Records {
 public:
  Records() = default;
  Records(std::string_view whole) : first_(whole) {}
  Records(const char* whole) : first_(whole) {}
  Records(const std::string& whole) : first_(whole) {}

  void add(std::string_view piece) { first_.empty() ? first_ = piece : more_.emplace_back(piece); }
  bool empty() const { return first_.empty(); }
  size_t size_bytes() const;
  // Returns the single piece of a message that was read.
  std::string_view whole() const {
    assert(more_.empty());
    return first_;
  }
  bool operator==(const Records&) const = default;

 private:
  friend class WireWriter;
  std::string_view first_;
  std::vector<std::string_view> more_;  // further pieces; empty for most answers
};

// Reads one message from untrusted bytes. After the first error ok() stays false, every call
// returns an empty value, and nothing is allocated. Views are valid as long as the bytes.
class WireReader {
 public:
  WireReader(std::string_view bytes, bool is_flexible)
      : in_(bytes), is_flexible_(is_flexible), elements_left_(&own_elements_left_) {}
  WireReader(const WireReader&) = delete;
  WireReader& operator=(const WireReader&) = delete;

  template <class T>
  T number() {
    return in_.be<T>();
  }
  bool boolean() { return in_.be<int8_t>() != 0; }
  double float64() { return std::bit_cast<double>(in_.be<uint64_t>()); }
  KafkaError error() { return static_cast<KafkaError>(in_.be<int16_t>()); }
  Uuid uuid();
  // Returns whether a struct that may be null follows.
  bool presence() { return in_.be<int8_t>() >= 0; }
  std::string string();
  std::optional<std::string> nullable_string(bool may_be_null);
  std::string_view bytes();
  std::optional<std::string_view> nullable_bytes(bool may_be_null);
  Records records() { return bytes(); }
  std::optional<Records> nullable_records(bool may_be_null) {
    const std::optional<std::string_view> whole = nullable_bytes(may_be_null);
    return whole ? std::optional<Records>(*whole) : std::nullopt;
  }

  template <class T, class ReadItem>
  void array(std::vector<T>& to, ReadItem read_item) {
    if (const std::optional<size_t> count = array_count(false)) read_items(to, *count, read_item);
  }
  template <class T, class ReadItem>
  void nullable_array(std::optional<std::vector<T>>& to, bool may_be_null, ReadItem read_item) {
    to.reset();
    if (const std::optional<size_t> count = array_count(may_be_null))
      read_items(to.emplace(), *count, read_item);
  }

  // Reads the tagged fields at the end of a struct. `read_field(tag, field)` reads the field and
  // returns true if the tag is known.
  template <class ReadField>
  void tagged_fields(ReadField read_field) {
    if (!is_flexible_) return;
    for (uint64_t left = in_.varint(); left > 0 && ok(); --left) {
      const uint64_t tag = in_.varint();
      WireReader field(in_.bytes(in_.varint()), *this);
      if (ok() && read_field(tag, field) && !(field.ok() && field.at_end())) fail();
    }
  }
  void skip_tagged_fields() {
    tagged_fields([](uint64_t, WireReader&) { return false; });
  }

  bool ok() const { return in_.ok() && !has_failed_; }
  bool at_end() const { return in_.at_end(); }
  std::string_view rest() const { return in_.rest(); }

 private:
  // Reads a tagged field within `outer`. Both readers share the limit of elements.
  WireReader(std::string_view bytes, const WireReader& outer)
      : in_(bytes), is_flexible_(true), elements_left_(outer.elements_left_) {}

  // Reads a length. Returns nullopt for null. `old_size` is the number of bytes of a length in the
  // old encoding.
  std::optional<size_t> length(size_t old_size, bool may_be_null);
  std::optional<size_t> array_count(bool may_be_null);
  void fail();

  template <class T, class ReadItem>
  void read_items(std::vector<T>& to, size_t count, ReadItem& read_item) {
    to.clear();
    for (size_t i = 0; i < count && ok(); ++i) read_item(to.emplace_back());
  }

  ByteReader in_;
  const bool is_flexible_;
  bool has_failed_ = false;
  size_t own_elements_left_ = kMaxElements;
  size_t* const elements_left_;
};

class TaggedFields;

// Appends one message to a string.
class WireWriter {
 public:
  WireWriter(std::string& out, bool is_flexible) : out_(out), is_flexible_(is_flexible) {}

  template <class T>
  void number(T value) {
    append_be(out_, value);
  }
  void boolean(bool value) { out_ += static_cast<char>(value); }
  void float64(double value) { number(std::bit_cast<uint64_t>(value)); }
  void error(KafkaError error) { number(static_cast<int16_t>(error)); }
  void uuid(const Uuid& id);
  void presence(bool is_present) { number(static_cast<int8_t>(is_present ? 1 : -1)); }
  void string(std::string_view text);
  // Writes the text. If it is missing, writes null or, if null is not allowed, an empty text.
  void nullable_string(const std::optional<std::string>& text, bool may_be_null);
  void bytes(std::string_view bytes);
  void nullable_bytes(std::optional<std::string_view> bytes, bool may_be_null);
  void records(const Records& records);
  void nullable_records(const std::optional<Records>& records, bool may_be_null);

  template <class T, class WriteItem>
  void array(const std::vector<T>& items, WriteItem write_item) {
    length(4, items.size());
    for (const T& item : items) write_item(item);
  }
  template <class T, class WriteItem>
  void nullable_array(const std::optional<std::vector<T>>& items, bool may_be_null,
                      WriteItem write_item) {
    if (items) return array(*items, write_item);
    may_be_null ? null(4) : length(4, 0);
  }
  void tagged_fields(const TaggedFields& fields);

 private:
  void length(size_t old_size, size_t length);
  void null(size_t old_size);

  std::string& out_;
  const bool is_flexible_;
};

// Collects the tagged fields of a struct, whose encoding begins with the number of fields.
class TaggedFields {
 public:
  // Adds a field, which `write` encodes. Called in ascending order of tags.
  template <class Write>
  void add(uint64_t tag, Write write) {
    std::string field;
    WireWriter out(field, true);
    write(out);
    append_varint(bytes_, tag);
    append_varint(bytes_, field.size());
    bytes_ += field;
    ++count_;
  }

 private:
  friend class WireWriter;
  uint64_t count_ = 0;
  std::string bytes_;
};

}  // namespace server::kafka
