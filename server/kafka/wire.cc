#include "server/kafka/wire.h"

#include <cassert>
#include <limits>

namespace server::kafka {

void WireReader::fail() { has_failed_ = true; }

// Reads a length. The flexible encoding stores the length plus one, with 0 for null; the old
// encoding stores -1 for null.
std::optional<size_t> WireReader::length(size_t old_size, bool may_be_null) {
  uint64_t length_plus_one = 0;
  if (is_flexible_)
    length_plus_one = in_.varint();
  else
    length_plus_one = static_cast<uint64_t>(
        (old_size == 2 ? int64_t{in_.be<int16_t>()} : int64_t{in_.be<int32_t>()}) + 1);
  if (!ok()) return std::nullopt;
  if (length_plus_one == 0) {
    if (!may_be_null) fail();
    return std::nullopt;
  }
  // Each counted element takes at least one byte, so a larger count is an error. A length below -1
  // wraps to a huge value, and is an error, too.
  if (length_plus_one - 1 > in_.rest().size()) {
    fail();
    return std::nullopt;
  }
  return length_plus_one - 1;
}

std::optional<size_t> WireReader::array_count(bool may_be_null) {
  const std::optional<size_t> count = length(4, may_be_null);
  if (!count) return std::nullopt;
  if (*count > *elements_left_) {
    fail();
    return std::nullopt;
  }
  *elements_left_ -= *count;
  return count;
}

Uuid WireReader::uuid() {
  Uuid id;
  const std::string_view bytes = in_.bytes(id.bytes.size());
  if (ok()) std::memcpy(id.bytes.data(), bytes.data(), id.bytes.size());
  return id;
}

std::string WireReader::string() { return nullable_string(false).value_or(""); }

std::optional<std::string> WireReader::nullable_string(bool may_be_null) {
  const std::optional<size_t> size = length(2, may_be_null);
  if (!size) return std::nullopt;
  return std::string(in_.bytes(*size));
}

std::string_view WireReader::bytes() { return nullable_bytes(false).value_or(""); }

std::optional<std::string_view> WireReader::nullable_bytes(bool may_be_null) {
  const std::optional<size_t> size = length(4, may_be_null);
  if (!size) return std::nullopt;
  return in_.bytes(*size);
}

void WireWriter::length(size_t old_size, size_t length) {
  if (is_flexible_) return append_varint(out_, length + 1);
  if (old_size == 4) {
    assert(length <= std::numeric_limits<int32_t>::max());
    return number(static_cast<int32_t>(length));
  }
  assert(length <= std::numeric_limits<int16_t>::max());
  number(static_cast<int16_t>(length));
}

size_t Records::size_bytes() const {
  size_t size = first_.size();
  for (const std::string_view piece : more_) size += piece.size();
  return size;
}

void WireWriter::records(const Records& records) {
  length(4, records.size_bytes());
  out_ += records.first_;
  for (const std::string_view piece : records.more_) out_ += piece;
}

void WireWriter::nullable_records(const std::optional<Records>& records, bool may_be_null) {
  if (records || !may_be_null) return this->records(records.value_or(Records()));
  null(4);
}

void WireWriter::null(size_t old_size) {
  if (is_flexible_) return append_varint(out_, 0);
  old_size == 4 ? number(int32_t{-1}) : number(int16_t{-1});
}

void WireWriter::uuid(const Uuid& id) {
  out_.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
}

// Truncates longer texts, such as error messages, to 32,767 bytes, because the old encoding has
// 16-bit lengths.
void WireWriter::string(std::string_view text) {
  const std::string_view cut = text.substr(0, std::numeric_limits<int16_t>::max());
  length(2, cut.size());
  out_ += cut;
}

void WireWriter::nullable_string(const std::optional<std::string>& text, bool may_be_null) {
  if (!text && may_be_null) return null(2);
  string(text ? std::string_view(*text) : std::string_view());
}

void WireWriter::bytes(std::string_view bytes) {
  length(4, bytes.size());
  out_ += bytes;
}

void WireWriter::nullable_bytes(std::optional<std::string_view> from, bool may_be_null) {
  if (!from && may_be_null) return null(4);
  bytes(from.value_or(""));
}

void WireWriter::tagged_fields(const TaggedFields& fields) {
  if (!is_flexible_) return;
  append_varint(out_, fields.count_);
  out_ += fields.bytes_;
}

}  // namespace server::kafka
