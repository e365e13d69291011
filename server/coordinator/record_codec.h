// Reads and writes the two encodings of Kafka's internal topics. Texts and arrays begin with their
// size. In normal versions the size has a fixed width. In "flexible" versions it is a varint of the
// size plus one, and tagged fields exist.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/uuid.h"

namespace server::coordinator {

class RecordWriter {
 public:
  explicit RecordWriter(int16_t version, bool is_flexible = false) : is_flexible_(is_flexible) {
    number(version);
  }
  // Returns a writer for the content of a tagged field, which has no version.
  static RecordWriter part() { return RecordWriter(); }
  template <class T>
  void number(T value) {
    append_be(out_, value);
  }
  // Truncates texts of more than INT16_MAX bytes. All callers limit their texts before the call.
  void text(std::string_view text) {
    text = text.substr(0, INT16_MAX);
    size<int16_t>(text.size());
    out_ += text;
  }
  void nullable_text(const std::optional<std::string>& text) {
    text ? this->text(*text) : null<int16_t>();
  }
  void bytes(std::string_view bytes) { size<int32_t>(bytes.size()), out_ += bytes; }
  void array(size_t count) { size<int32_t>(count); }
  void null_array() { null<int32_t>(); }
  void uuid(const Uuid& id) {
    out_.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
  }
  void no_tags() {
    if (is_flexible_) append_varint(out_, 0);
  }
  // Writes the only tagged field of the struct.
  void tag(uint64_t number, std::string_view value) {
    append_varint(out_, 1);
    field(number, value);
  }
  // Writes all tagged fields, ordered by number.
  void tags(const std::map<uint64_t, std::string>& fields) {
    append_varint(out_, fields.size());
    for (const auto& [number, value] : fields) field(number, value);
  }
  std::string take() { return std::move(out_); }

 private:
  template <class Fixed>
  void size(size_t size) {
    is_flexible_ ? append_varint(out_, size + 1) : append_be(out_, static_cast<Fixed>(size));
  }
  template <class Fixed>
  void null() {
    is_flexible_ ? append_varint(out_, 0) : append_be(out_, Fixed{-1});
  }
  void field(uint64_t number, std::string_view value) {
    append_varint(out_, number);
    append_varint(out_, value.size());
    out_ += value;
  }
  RecordWriter() : is_flexible_(true) {}
  const bool is_flexible_;
  std::string out_;
};

// Reads the fields of a record. After the first error, ok() returns false, and every further call
// returns an empty value.
class RecordReading {
 public:
  explicit RecordReading(std::string_view bytes) : in_(bytes) {}
  // Sets whether the following fields have the flexible encoding.
  void set_flexible(bool is_flexible) { is_flexible_ = is_flexible; }

  template <class T>
  T number() {
    return in_.be<T>();
  }
  std::optional<std::string> nullable_text() { return sized<int16_t>(); }
  std::string text() { return required(nullable_text()); }
  std::string bytes() { return required(sized<int32_t>()); }
  // Returns nullopt if the array is null, and otherwise the number of its elements, which the
  // caller reads next. The number is at most the number of the remaining bytes, because each
  // element has at least one byte.
  std::optional<size_t> array() {
    const std::optional<size_t> count = size<int32_t>();
    return ok() ? count : std::nullopt;
  }
  Uuid uuid() {
    Uuid id;
    const std::string_view bytes = in_.bytes(id.bytes.size());
    if (ok()) std::memcpy(id.bytes.data(), bytes.data(), id.bytes.size());
    return id;
  }
  // Calls `each(tag, field)` for every tagged field.
  template <class Each>
  void tags(Each each) {
    if (!is_flexible_) return;
    for (uint64_t left = in_.varint(); left > 0 && ok(); --left) {
      const uint64_t tag = in_.varint();
      const std::string_view field = in_.bytes(in_.varint());
      if (ok()) each(tag, field);
    }
  }
  void skip_tags() {
    tags([](uint64_t, std::string_view) {});
  }
  void skip(size_t size) { in_.bytes(size); }
  bool ok() const { return in_.ok(); }

 private:
  template <class Fixed>
  std::optional<size_t> size() {
    const uint64_t plus_one =
        is_flexible_ ? in_.varint() : static_cast<uint64_t>(int64_t{in_.be<Fixed>()} + 1);
    if (!ok() || plus_one == 0) return std::nullopt;
    if (plus_one - 1 > in_.rest().size()) in_.fail();
    return static_cast<size_t>(plus_one - 1);
  }
  template <class Fixed>
  std::optional<std::string> sized() {
    const std::optional<size_t> bytes = size<Fixed>();
    if (!bytes || !ok()) return std::nullopt;
    return std::string(in_.bytes(*bytes));
  }
  std::string required(std::optional<std::string> text) {
    if (!text) in_.fail();
    return std::move(text).value_or("");
  }
  ByteReader in_;
  bool is_flexible_ = false;
};

}  // namespace server::coordinator
