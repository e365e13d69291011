#include "engine/functions/kernel.h"

namespace engine {

void RowErrors::mark(size_t row) {
  if (!any()) failed_.resize(rows_, false);
  failed_.set(row);
}

void RowErrors::add(size_t row, std::string_view text) {
  assert(row < rows_);
  if (has(row)) return;
  mark(row);
  if (messages_.size() < kMaxMessages) messages_.push_back({row, std::string(text)});
}

void RowErrors::note(size_t row, std::string_view text) {
  assert(row < rows_);
  if (messages_.size() < kMaxMessages) messages_.push_back({row, std::string(text)});
}

void RowErrors::add_part(const RowErrors& part, std::span<const uint32_t> rows) {
  for (const Message& message : part.messages_) {
    const size_t row = rows[message.row];
    part.has(message.row) ? add(row, message.text) : note(row, message.text);
  }
  if (!part.any()) return;
  for (size_t i = 0; i < rows.size(); ++i)
    if (part.failed_.test(i)) mark(rows[i]);
}

void RowErrors::add_all(const RowErrors& other) {
  for (const Message& message : other.messages_)
    other.has(message.row) ? add(message.row, message.text) : note(message.row, message.text);
  if (!other.any()) return;
  for (size_t row = 0; row < rows_; ++row)
    if (other.failed_.test(row)) mark(row);
}

void RowErrors::note_all(const RowErrors& other) {
  for (const Message& message : other.messages_) note(message.row, message.text);
}

std::string_view EvalContext::property(const std::string& name, std::string_view otherwise) const {
  if (properties == nullptr) return otherwise;
  const auto found = properties->find(name);
  return found == properties->end() ? otherwise : std::string_view(found->second);
}

}  // namespace engine
