#include "engine/ivm/net_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/ivm/row_id.h"
#include "engine/types/row_codec.h"

namespace engine {

namespace {

constexpr size_t kBytesOfCount = 64;  // approximate bytes of an element of counts_, without its id
constexpr size_t kBytesOfPending =
    160;  // the same of pending_ and settled_ together, without ids and rows

size_t bytes_of_pending(const std::string& id, const std::string& bytes) {
  return kBytesOfPending + 2 * (id.size() + bytes.size());
}

Error impossible_weight() {
  return Error{ErrorCode::Internal, "the changes of a view do not fit its rows"};
}

}  // namespace

NetRows::NetRows(const ViewPlan& view, std::unique_ptr<Writer> writer, size_t key_count)
    : view_(view), writer_(std::move(writer)), key_count_(key_count) {
  for (const size_t column : view.columns) types_.push_back(view.result.columns[column].type);
}

Status NetRows::take(Changes changes, const EvalContext&) {
  std::vector<const Column*> result, topic;
  for (const ColumnPtr& column : changes.columns) result.push_back(column.get());
  for (const size_t column : view_.columns) topic.push_back(result[column]);
  std::string id, bytes;
  for (size_t row = 0; row < changes.rows; ++row) {
    make_row_id(view_, result, row, id);
    bytes.clear();
    encode_row(topic, row, bytes);
    auto& weights = pending_[id];
    const auto known = std::ranges::find(weights, bytes, &std::pair<std::string, int64_t>::first);
    if (known == weights.end()) {
      weights.emplace_back(bytes, changes.weights[row]);
      pending_bytes_ += bytes_of_pending(id, bytes);
    } else if (known->second += changes.weights[row]; known->second == 0) {
      weights.erase(known);
      if (weights.empty()) pending_.erase(id);
      pending_bytes_ -= bytes_of_pending(id, bytes);
    }
  }
  return {};
}

Status NetRows::settle(const std::string& id,
                       const std::vector<std::pair<std::string, int64_t>>& weights) {
  if (may_repeat(view_)) {
    if (weights.size() != 1) return impossible_weight();
    return settle_numbered(id, weights.front().first, weights.front().second);
  }
  const std::string *removed = nullptr, *added = nullptr;
  for (const auto& [bytes, weight] : weights) {
    const std::string*& place = weight > 0 ? added : removed;
    if (place || (weight != 1 && weight != -1)) return impossible_weight();
    place = &bytes;
  }
  settled_.push_back({id, added ? *added : *removed, added != nullptr});
  return {};
}

Status NetRows::settle_numbered(const std::string& id, const std::string& bytes, int64_t weight) {
  const auto [known, is_new] = counts_.try_emplace(id, 0);
  if (is_new) state_bytes_ += kBytesOfCount + id.size();
  const int64_t before = known->second, now = before + weight;
  if (now < 0) return impossible_weight();
  for (int64_t number = std::min(before, now); number < std::max(before, now); ++number) {
    std::string numbered = id;
    append_row_number(static_cast<uint32_t>(number), numbered);
    settled_.push_back({std::move(numbered), bytes, now > before});
  }
  known->second = now;
  if (now > 0) return {};
  state_bytes_ -= kBytesOfCount + id.size();
  counts_.erase(known);
  return {};
}

Result<bool> NetRows::finish_some(size_t most, const EvalContext&) {
  if (!settling_) settling_ = pending_.begin();
  for (size_t i = 0; i < most && *settling_ != pending_.end(); ++i, ++*settling_)
    TRY(settle((*settling_)->first, (*settling_)->second));
  if (*settling_ != pending_.end()) return true;
  settling_.reset();
  pending_.clear();
  if (settled_.empty()) pending_bytes_ = 0;
  return false;
}

Result<NetChanges> NetRows::next_changes(size_t most) {
  const size_t count = std::min(most, settled_.size() - next_);
  std::vector<Column> columns;
  if (view_.has_row_id) columns.emplace_back(TypeKind::Bytes);
  for (const SqlType& type : types_) columns.emplace_back(type);
  std::vector<Column*> decoded;
  for (size_t i = view_.has_row_id ? 1 : 0; i < columns.size(); ++i) decoded.push_back(&columns[i]);
  NetChanges out;
  for (size_t i = 0; i < count; ++i) {
    const Settled& settled = settled_[next_ + i];
    if (view_.has_row_id) columns.front().append_copy(settled.id);
    TRY(decode_row(settled.bytes, decoded, RowStrings::Copy));
    out.rows.present.push_back(settled.is_present);
  }
  next_ += count;
  if (next_ == settled_.size()) {
    settled_.clear();
    next_ = 0;
    pending_bytes_ = 0;
  }
  std::vector<const Column*> all;
  for (const Column& column : columns) all.push_back(&column);
  EncodedRows keys;
  const Bitmap each(count, true);
  writer_->write(std::span(all).first(key_count_), {0, count}, &each, keys);
  if (!keys.problems.empty())
    return Error{ErrorCode::InvalidText, fmt::format("the key of a row cannot be written: {}",
                                                     keys.problems.front().message)};
  for (size_t row = 0; row < count; ++row) {
    const auto key = keys[row];
    if (!key) return Error{ErrorCode::Internal, "a row of the view has no key"};
    out.keys.emplace_back(*key);
    encode_row(all, row, out.bytes.emplace_back());
  }
  out.rows.rows = count;
  for (Column& column : columns)
    out.rows.columns.push_back(std::make_shared<const Column>(std::move(column)));
  return out;
}

}  // namespace engine
