#include "engine/types/column.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_map>

namespace engine {

void Bitmap::push_back(bool value) {
  if ((size_ & 63) == 0) words_.push_back(0);
  if (value) words_.back() |= uint64_t{1} << (size_ & 63);
  ++size_;
}

void Bitmap::resize(size_t size, bool value) {
  const size_t old = size_;
  words_.resize((size + 63) / 64, value ? ~uint64_t{0} : 0);
  size_ = size;
  if (value && size > old && (old & 63) != 0) words_[old >> 6] |= ~uint64_t{0} << (old & 63);
  if ((size & 63) != 0) words_.back() &= ~uint64_t{0} >> (64 - (size & 63));
}

bool Bitmap::all() const {
  const size_t whole = size_ / 64;
  for (size_t i = 0; i < whole; ++i)
    if (words_[i] != ~uint64_t{0}) return false;
  return (size_ & 63) == 0 || words_[whole] == ~uint64_t{0} >> (64 - (size_ & 63));
}

bool Bitmap::none() const {
  return std::ranges::all_of(words_, [](uint64_t word) { return word == 0; });
}

size_t Bitmap::count() const {
  size_t bits = 0;
  for (const uint64_t word : words_) bits += static_cast<size_t>(std::popcount(word));
  return bits;
}

void Bitmap::intersect(const Bitmap& other) {
  assert(size_ == other.size_);
  for (size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
}

void StringHeap::grow(size_t size) {
  // A column of one short text must not take a whole page, because a million groups may have one
  // each.
  constexpr size_t kFirstBlock = 64, kSecondBlock = 1024, kLargestBlock = size_t{1} << 20;
  const size_t wanted =
      blocks_.empty()
          ? kFirstBlock
          : std::min(kLargestBlock, kSecondBlock << std::min<size_t>(blocks_.size(), 10));
  left_ = std::max(size, wanted);
  blocks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
  next_ = blocks_.back().get();
}

bool holds_strings(const SqlType& type) {
  switch (type.kind()) {
    case TypeKind::String:
    case TypeKind::Bytes:
      return true;
    case TypeKind::Array:
      return holds_strings(type.element());
    case TypeKind::Map:
      return holds_strings(type.key()) || holds_strings(type.value());
    case TypeKind::Struct:
      return std::ranges::any_of(type.fields(),
                                 [](const Field& field) { return holds_strings(field.type); });
    default:
      return false;
  }
}

size_t element_size(TypeKind kind) {
  switch (kind) {
    case TypeKind::Null:
    case TypeKind::Boolean:
      return 1;
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      return 4;
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
    case TypeKind::Double:
      return 8;
    case TypeKind::Decimal:
    case TypeKind::String:
    case TypeKind::Bytes:
      return 16;
    case TypeKind::Array:
    case TypeKind::Map:
      return 4;
    case TypeKind::Struct:
      return 0;
  }
  return 0;
}

Column::Column(SqlType type) : type_(std::move(type)) {
  switch (type_.kind()) {
    case TypeKind::Array:
      children_.push_back(std::make_unique<Column>(type_.element()));
      break;
    case TypeKind::Map:
      children_.push_back(std::make_unique<Column>(type_.key()));
      children_.push_back(std::make_unique<Column>(type_.value()));
      break;
    case TypeKind::Struct:
      for (const Field& field : type_.fields())
        children_.push_back(std::make_unique<Column>(field.type));
      break;
    default:
      return;
  }
  // sets the first offset to 0
  if (type_.kind() != TypeKind::Struct) data_.resize(sizeof(uint32_t));
}

void Column::resize(size_t size) {
  validity_.resize(size, false);
  switch (type_.kind()) {
    case TypeKind::Array:
    case TypeKind::Map: {
      const uint32_t last = size < size_ ? data<uint32_t>()[size] : data<uint32_t>()[size_];
      data_.resize((size + 1) * sizeof(uint32_t));
      auto all = data<uint32_t>();
      for (size_t row = size_ + 1; row <= size; ++row) all[row] = last;
      if (size < size_)
        for (auto& part : children_) part->resize(last);
      break;
    }
    case TypeKind::Struct:
      for (auto& part : children_) part->resize(size);
      break;
    default:
      data_.resize(size * element_size(type_.kind()));
  }
  size_ = size;
}

void Column::reserve(size_t size) {
  validity_.reserve(size);
  data_.reserve(size * element_size(type_.kind()) + sizeof(uint32_t));
}

void Column::append_null() {
  switch (type_.kind()) {
    case TypeKind::Array:
    case TypeKind::Map:
      close_list(false);
      break;
    case TypeKind::Struct:
      for (auto& part : children_) part->append_null();
      close_struct(false);
      break;
    default:
      resize(size_ + 1);
  }
}

void Column::close_list(bool valid) {
  const auto end = static_cast<uint32_t>(children_[0]->size());
  const size_t at = data_.size();
  data_.resize(at + sizeof end);
  std::memcpy(data_.data() + at, &end, sizeof end);
  validity_.push_back(valid);
  ++size_;
}

void Column::close_struct(bool valid) {
  validity_.push_back(valid);
  ++size_;
  for ([[maybe_unused]] const auto& part : children_) assert(part->size() == size_);
}

void Column::append_from(const Column& other, size_t row) {
  if (other.is_null(row)) return append_null();
  switch (type_.kind()) {
    case TypeKind::String:
    case TypeKind::Bytes:
      append_copy(other.data<std::string_view>()[row]);
      break;
    case TypeKind::Array:
    case TypeKind::Map: {
      const auto ends = other.offsets();
      for (size_t part = 0; part < children_.size(); ++part)
        for (uint32_t i = ends[row]; i < ends[row + 1]; ++i)
          children_[part]->append_from(other.child(part), i);
      close_list();
      break;
    }
    case TypeKind::Struct:
      for (size_t part = 0; part < children_.size(); ++part)
        children_[part]->append_from(other.child(part), row);
      close_struct();
      break;
    default: {
      const size_t width = element_size(type_.kind());
      data_.insert(data_.end(), other.data_.begin() + static_cast<ptrdiff_t>(row * width),
                   other.data_.begin() + static_cast<ptrdiff_t>((row + 1) * width));
      validity_.push_back(true);
      ++size_;
    }
  }
}

void Column::append_value(const Value& value) {
  if (value.is_null()) return append_null();
  switch (type_.kind()) {
    case TypeKind::Null:
      append_null();
      break;
    case TypeKind::Boolean:
      append<uint8_t>(value.as_bool());
      break;
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      append(value.as_int32());
      break;
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      append(value.as_int64());
      break;
    case TypeKind::Double:
      append(value.as_double());
      break;
    case TypeKind::Decimal:
      assert(value.as_decimal().scale == type_.scale());
      append(value.as_decimal().unscaled);
      break;
    case TypeKind::String:
    case TypeKind::Bytes:
      append_copy(value.as_string());
      break;
    case TypeKind::Array:
      for (const Value& item : value.as_list()) children_[0]->append_value(item);
      close_list();
      break;
    case TypeKind::Map:
      for (const auto& [key, item] : value.as_map()) {
        children_[0]->append_value(key);
        children_[1]->append_value(item);
      }
      close_list();
      break;
    case TypeKind::Struct:
      assert(value.as_list().size() == children_.size());
      for (size_t i = 0; i < children_.size(); ++i) children_[i]->append_value(value.as_list()[i]);
      close_struct();
      break;
  }
}

Value Column::value_at(size_t row) const {
  if (is_null(row)) return {};
  switch (type_.kind()) {
    case TypeKind::Null:
      return {};
    case TypeKind::Boolean:
      return Value::boolean(data<uint8_t>()[row] != 0);
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      return Value::integer(data<int32_t>()[row]);
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      return Value::bigint(data<int64_t>()[row]);
    case TypeKind::Double:
      return Value::number(data<double>()[row]);
    case TypeKind::Decimal:
      return Value::decimal(data<Int128>()[row], type_.scale());
    case TypeKind::String:
    case TypeKind::Bytes:
      return Value::text(std::string(data<std::string_view>()[row]));
    case TypeKind::Array: {
      ValueList items;
      for (uint32_t i = offsets()[row]; i < offsets()[row + 1]; ++i)
        items.push_back(children_[0]->value_at(i));
      return Value::list(std::move(items));
    }
    case TypeKind::Map: {
      ValueMap entries;
      for (uint32_t i = offsets()[row]; i < offsets()[row + 1]; ++i)
        entries.emplace_back(children_[0]->value_at(i), children_[1]->value_at(i));
      return Value::map(std::move(entries));
    }
    case TypeKind::Struct: {
      ValueList fields;
      for (const auto& part : children_) fields.push_back(part->value_at(row));
      return Value::list(std::move(fields));
    }
  }
  return {};
}

bool Column::same(size_t row, const Column& other, size_t other_row) const {
  if (is_null(row) || other.is_null(other_row)) return is_null(row) && other.is_null(other_row);
  switch (type_.kind()) {
    case TypeKind::String:
    case TypeKind::Bytes:
      return data<std::string_view>()[row] == other.data<std::string_view>()[other_row];
    case TypeKind::Double:
    case TypeKind::Array:
    case TypeKind::Map:
    case TypeKind::Struct:
      return value_at(row) == other.value_at(other_row);
    default: {
      const size_t width = element_size(type_.kind());
      return std::memcmp(data_.data() + row * width, other.data_.data() + other_row * width,
                         width) == 0;
    }
  }
}

Column Column::gather(std::span<const uint32_t> rows) const {
  Column out(type_);
  if (type_.kind() == TypeKind::Array || type_.kind() == TypeKind::Map) {
    std::vector<uint32_t> items;
    const auto ends = offsets();
    out.data_.resize((rows.size() + 1) * sizeof(uint32_t));
    out.validity_.resize(rows.size(), false);
    auto out_ends = out.data<uint32_t>();
    for (size_t i = 0; i < rows.size(); ++i) {
      for (uint32_t item = ends[rows[i]]; item < ends[rows[i] + 1]; ++item) items.push_back(item);
      out_ends[i + 1] = static_cast<uint32_t>(items.size());
      if (!is_null(rows[i])) out.validity_.set(i);
    }
    for (size_t part = 0; part < children_.size(); ++part)
      out.children_[part] = std::make_unique<Column>(children_[part]->gather(items));
    out.size_ = rows.size();
    return out;
  }
  const size_t width = element_size(type_.kind());
  out.data_.resize(rows.size() * width);
  for (size_t i = 0; i < rows.size() && width != 0; ++i)  // a STRUCT has no values of its own
    std::memcpy(out.data_.data() + i * width, data_.data() + rows[i] * width, width);
  // If only a few rows of a long column are wanted, their bits are tested one by one. has_nulls()
  // would scan the whole column, and a caller may call gather() once for each row.
  const bool may_have_nulls = rows.size() < size_ / 64 || has_nulls();
  out.validity_.resize(rows.size(), !may_have_nulls);
  if (may_have_nulls)
    for (size_t i = 0; i < rows.size(); ++i)
      if (validity_.test(rows[i])) out.validity_.set(i);
  for (size_t part = 0; part < children_.size(); ++part)
    out.children_[part] = std::make_unique<Column>(children_[part]->gather(rows));
  out.size_ = rows.size();
  out.share_strings_of(*this);
  return out;
}

Column Column::clone() const {
  Column out(type_);
  out.size_ = size_;
  out.validity_ = validity_;
  out.data_ = data_;
  for (size_t part = 0; part < children_.size(); ++part)
    out.children_[part] = std::make_unique<Column>(children_[part]->clone());
  out.share_strings_of(*this);
  return out;
}

Column Column::copy() const {
  Column out = clone();
  out.own_strings();
  return out;
}

void Column::own_strings() {
  if (type_.kind() == TypeKind::String || type_.kind() == TypeKind::Bytes) {
    constexpr size_t kLarge = 256;  // a smaller string is copied faster than it is searched for
    auto own = std::make_shared<StringHeap>();
    std::unordered_map<const char*, std::string_view> copies;
    for (std::string_view& text : data<std::string_view>()) {
      if (text.size() < kLarge) {
        text = own->add(text);
        continue;
      }
      std::string_view& copied = copies[text.data()];
      if (copied.size() < text.size()) copied = own->add(text);
      text = copied.substr(0, text.size());
    }
    heap_ = std::move(own);
  }
  owners_.clear();
  for (const auto& part : children_) part->own_strings();
}

Column Column::merge(std::span<const Column* const> sources, std::span<const SourceRow> rows) {
  Column out(sources.front()->type());
  out.reserve(rows.size());
  if (out.type().is_nested()) {
    for (const SourceRow& at : rows) out.append_from(*sources[at.source], at.row);
    return out;
  }
  const size_t width = element_size(out.type().kind());
  out.data_.resize(rows.size() * width);
  out.validity_.resize(rows.size(), true);
  for (size_t i = 0; i < rows.size(); ++i) {
    const Column& source = *sources[rows[i].source];
    std::memcpy(out.data_.data() + i * width, source.data_.data() + rows[i].row * width, width);
    if (source.is_null(rows[i].row)) out.validity_.clear(i);
  }
  out.size_ = rows.size();
  if (!holds_strings(out.type())) return out;
  std::vector<bool> is_used(sources.size());
  for (const SourceRow& at : rows) is_used[at.source] = true;
  for (size_t i = 0; i < sources.size(); ++i)
    if (is_used[i]) out.share_strings_of(*sources[i]);
  return out;
}

StringHeap& Column::heap() {
  if (!heap_)
    // the old heap may be shared with columns that were gathered from this one
    heap_ = std::make_shared<StringHeap>();
  return *heap_;
}

// Adds the owners of the other column's string memory. Before the list must grow, duplicates are
// removed: rows that have passed many steps reach the same owner along several paths.
void Column::share_strings_of(const Column& other) {
  if (!type_.is_nested() && !holds_strings(type_)) return;
  const size_t added = other.owners_.size() + (other.heap_ ? 1 : 0);
  if (owners_.size() + added > owners_.capacity()) {
    std::ranges::sort(owners_, {}, &std::shared_ptr<const void>::get);
    const auto doubles = std::ranges::unique(owners_);
    owners_.erase(doubles.begin(), doubles.end());
  }
  if (other.heap_) owners_.push_back(other.heap_);
  owners_.insert(owners_.end(), other.owners_.begin(), other.owners_.end());
}

ColumnPtr constant_column(const SqlType& type, const Value& value, size_t rows) {
  auto column = std::make_shared<Column>(type);
  column->reserve(rows);
  for (size_t row = 0; row < rows; ++row) column->append_value(value);
  return column;
}

}  // namespace engine
