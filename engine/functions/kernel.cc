#include "engine/functions/kernel.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/types/row_size.h"

namespace engine {

void RowErrors::mark(size_t row) {
  if (!any()) failed_.resize(rows_, false);
  failed_.set(row);
}

void RowErrors::add(size_t row, std::string_view text, ErrorCode code) {
  assert(row < rows_);
  if (has(row)) return;
  mark(row);
  if (messages_.size() < kMaxMessages) messages_.push_back({row, std::string(text), code});
}

void RowErrors::note(size_t row, std::string_view text, ErrorCode code) {
  assert(row < rows_);
  if (messages_.size() < kMaxMessages)
    messages_.push_back({row, std::string(text), code});
  else
    ++more_noted_;
}

void RowErrors::add_part(const RowErrors& part, std::span<const uint32_t> rows) {
  for (const Message& message : part.messages_) {
    const size_t row = rows[message.row];
    part.has(message.row) ? add(row, message.text, message.code)
                          : note(row, message.text, message.code);
  }
  more_noted_ += part.more_noted_;
  if (!part.any()) return;
  for (size_t i = 0; i < rows.size(); ++i)
    if (part.failed_.test(i)) mark(rows[i]);
}

void RowErrors::add_all(const RowErrors& other) {
  for (const Message& message : other.messages_)
    other.has(message.row) ? add(message.row, message.text, message.code)
                           : note(message.row, message.text, message.code);
  more_noted_ += other.more_noted_;
  if (!other.any()) return;
  for (size_t row = 0; row < rows_; ++row)
    if (other.failed_.test(row)) mark(row);
}

void RowErrors::note_all(const RowErrors& other) {
  for (const Message& message : other.messages_) note(message.row, message.text, message.code);
  more_noted_ += other.more_noted_;
  // The messages of some failures of `other` were left out; more_noted_ counts these failures. (A
  // call has at most one failure in each row.)
  size_t failed_with_message = 0;
  for (const Message& message : other.messages_) failed_with_message += other.has(message.row);
  const size_t failures = other.any() ? other.count() : 0;
  more_noted_ += failures - std::min(failures, failed_with_message);
}

void append_copy(KernelCall& call, size_t row, const Column& from, size_t at) {
  if (call.context.take_bytes(copied_bytes(from, at), row, call.errors))
    call.out.append_from(from, at);
  else
    call.out.append_null();
}

Error EvalContext::too_large(size_t bytes) const {
  if (budget != nullptr && bytes <= kMaxValueBytes)
    if (const Status status = budget->status(); !status) return status.error();
  return Error{ErrorCode::LimitExceeded,
               fmt::format("a value would have {} bytes, and at most {} are allowed", bytes,
                           kMaxValueBytes)};
}

size_t size_of(const Value& value) {
  size_t size = sizeof(Value);
  const Value::Payload& payload = value.payload();
  if (const auto* text = std::get_if<std::string>(&payload)) return size + text->size();
  if (const auto* list = std::get_if<std::shared_ptr<const ValueList>>(&payload))
    for (const Value& item : **list) size += size_of(item);
  if (const auto* map = std::get_if<std::shared_ptr<const ValueMap>>(&payload))
    for (const auto& [key, item] : **map) size += size_of(key) + size_of(item);
  return size;
}

std::string_view EvalContext::property(const std::string& name, std::string_view otherwise) const {
  if (properties == nullptr) return otherwise;
  const auto found = properties->find(name);
  return found == properties->end() ? otherwise : std::string_view(found->second);
}

}  // namespace engine
