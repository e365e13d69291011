#include "server/http/rest/inserts_exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "engine/formats/json/json_tree.h"
#include "engine/json/json_writer.h"
#include "engine/types/ascii.h"
#include "server/http/body_fields.h"
#include "server/http/rest/query_format.h"
#include "server/http/rest/sql_errors.h"

namespace server::http {

namespace {

constexpr size_t kMaxLineBytes = 4 << 20, kMaxWaitingBytes = 1 << 20;
constexpr size_t kMaxBatchRows = 1'000;
constexpr std::string_view kTargetNames[] = {"target", "requiresAcks", "properties"};

// Reads a name. A name in back quotes is exact; any other name is converted to upper case, as in a
// statement.
engine::Name name_of(std::string_view text) {
  if (text.size() > 2 && text.starts_with('`') && text.ends_with('`'))
    return {std::string(text.substr(1, text.size() - 2)), engine::Quoting::Back};
  std::string upper(text);
  std::ranges::transform(upper, upper.begin(), engine::ascii_upper);
  return {std::move(upper), engine::Quoting::None};
}

// Returns the error for a request whose only line has the target and the columns of a row. As in ksqlDB, other fields of
// the first line are ignored if rows follow.
Error row_in_first_line(const std::string& field) {
  constexpr size_t kMostShown = 100;
  return {ErrorCode::ProtocolViolation,
          fmt::format("no rows follow the first line, whose field {} is not read: the first line "
                      "has only target and properties, and each row is a line of its own behind it",
                      field.substr(0, kMostShown))};
}

}  // namespace

InsertsExchange::InsertsExchange(const SqlPages& pages, const Request& request,
                                 const ExchangeContext& context)
    : pages_(pages),
      context_(context),
      is_array_(wants_array(request.header("accept"))),
      user_(request.user),
      info_(session_info(request, context)) {
  info_.open_queries = nullptr;
}

InsertsExchange::~InsertsExchange() = default;

// --- The request

void InsertsExchange::on_body(std::string_view bytes) {
  if (is_over_) return;
  if (!charge_.try_resize(buffer_.size() + waiting_bytes_ + 2 * bytes.size()))
    return fail(context_.memory->refusal("rows that wait to be written"));
  buffer_ += bytes;
  if (buffer_.size() > kMaxLineBytes && buffer_.find('\n') == std::string::npos)
    return fail({ErrorCode::LimitExceeded,
                 fmt::format("a row can have at most {}", format_bytes(kMaxLineBytes))});
  context_.responder.wake();
}

void InsertsExchange::on_body_end() {
  is_body_over_ = true;
  context_.responder.wake();
}

bool InsertsExchange::wants_body() const {
  if (is_over_) return true;
  // While a row is incomplete, input is accepted beyond the limit, because otherwise the end of the
  // row could never arrive.
  const bool is_row_begun = lines_.empty() && !copy_ && buffer_.find('\n') == std::string::npos;
  return (is_row_begun || buffer_.size() + waiting_bytes_ < kMaxWaitingBytes) &&
         !context_.responder.is_full();
}

Status InsertsExchange::read_target(std::string_view line, bool is_last) {
  const auto head = engine::parse_json_tree(line);
  if (head)
    if (const std::string unknown =
            unrecognized_field(*head, kTargetNames, UnknownFields::IgnoredIfOther);
        !unknown.empty())
      return Error{ErrorCode::ProtocolViolation, unknown};
  const std::string target = head ? head->text_of("target") : std::string();
  if (target.empty()) {
    const bool is_array = head && head->kind == engine::JsonKind::Array;
    return Error{
        ErrorCode::ProtocolViolation,
        is_array ? "the request is a JSON array"
                 : "the first line is not a JSON object with a string named target",
        {},
        "Send one JSON object on each line, without an array: {\"target\": \"name\"} on the "
        "first line, and a row on each other line."};
  }
  for (const auto& [name, value] : head->members)
    if (std::ranges::find(kTargetNames, name) == std::end(kTargetNames)) stray_field_ = name;
  if (is_last && !stray_field_.empty()) return row_in_first_line(stray_field_);
  session_ = TRY(pages_.backends[context_.shard]->open_session(info_, settings_));
  target_ = sql::CopyTarget{name_of(target), {}, {}, sql::CopyContents::TypedJsonObjects};
  // A missing stream is reported now, before the first row arrives.
  TRY(session_->begin_copy(*target_, *this));
  context_.responder.begin({.content_type = std::string(is_array_ ? kJson : kDelimited)});
  if (is_array_) context_.responder.write("[");
  return {};
}

void InsertsExchange::take_lines() {
  size_t begin = 0;
  while (!is_over_ && begin < buffer_.size()) {
    const size_t end = std::min(buffer_.find('\n', begin), buffer_.size());
    if (end == buffer_.size() && !is_body_over_) break;
    std::string line = buffer_.substr(begin, end - begin);
    begin = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (!target_) {
      const bool is_last =
          is_body_over_ && buffer_.find_first_not_of(" \t\r\n", begin) == std::string::npos;
      if (const Status read = read_target(line, is_last); !read) return fail(read.error());
      continue;
    }
    waiting_bytes_ += line.size();
    lines_.push_back(std::move(line));
  }
  buffer_.erase(0, std::min(begin, buffer_.size()));
}

// --- Batches

void InsertsExchange::run() {
  while (!is_over_) {
    if (copy_ && !is_copied_ && !copy_error_) return;  // a batch of rows is still being written
    if (copy_) end_batch();
    if (is_over_) return;
    take_lines();
    if (is_over_) return;
    if (!lines_.empty()) {
      begin_batch();
      continue;
    }
    if (!is_body_over_) return;
    if (!target_)
      return fail({ErrorCode::ProtocolViolation, "the body of the request has no target"});
    if (!stray_field_.empty() && next_sequence_ == 0) return fail(row_in_first_line(stray_field_));
    is_over_ = true;
    if (is_array_) context_.responder.write("]");
    context_.responder.end();
  }
}

void InsertsExchange::begin_batch() {
  is_copied_ = false;
  copy_error_.reset();
  batch_ = one_by_one_ ? 1 : std::min(lines_.size(), kMaxBatchRows);
  auto begun = session_->begin_copy(*target_, *this);
  if (!begun) return fail(begun.error());
  copy_ = std::move(begun).take();
  sql::CopyRows rows;
  rows.rows = batch_;
  engine::Column objects(engine::TypeKind::String);
  for (size_t i = 0; i < batch_; ++i) objects.append_copy(lines_[i]);
  rows.columns.push_back(std::move(objects));
  rows.lines.resize(batch_);
  std::iota(rows.lines.begin(), rows.lines.end(), next_sequence_ + 1);
  copy_->append(std::move(rows));
  if (!copy_error_) copy_->finish();
}

void InsertsExchange::end_batch() {
  copy_.reset();
  if (const auto error = std::exchange(copy_error_, std::nullopt)) {
    if (batch_ > 1) {
      one_by_one_ = true;
      left_one_by_one_ = batch_;
      return;
    }
    refuse(*error);
  } else {
    acknowledge(batch_);
  }
  for (size_t i = 0; i < batch_; ++i) waiting_bytes_ -= lines_[i].size();
  lines_.erase(lines_.begin(), lines_.begin() + static_cast<std::ptrdiff_t>(batch_));
  charge_.resize(buffer_.size() + waiting_bytes_);
  if (one_by_one_ && --left_one_by_one_ == 0) one_by_one_ = false;
}

void InsertsExchange::on_copy_done(uint64_t) {
  is_copied_ = true;
  context_.responder.wake();
}

void InsertsExchange::on_copy_error(Error error) {
  copy_error_ = std::move(error);
  context_.responder.wake();
}

// --- The answer

void InsertsExchange::write(std::string_view ack) {
  if (is_array_ && std::exchange(has_written_, true)) context_.responder.write(",");
  context_.responder.write(ack);
  context_.responder.write("\n");
}

void InsertsExchange::acknowledge(size_t count) {
  std::string acks;
  for (size_t i = 0; i < count; ++i) {
    if (!acks.empty()) acks += is_array_ ? ",\n" : "\n";
    acks += fmt::format(R"({{"status":"ok","seq":{}}})", next_sequence_++);
  }
  write(acks);
}

void InsertsExchange::refuse(const Error& error) {
  log_if_denied(pages_, context_, user_, error);
  engine::JsonWriter json;
  json.begin_object();
  json.member("status", "error");
  json.member("seq", static_cast<int64_t>(next_sequence_++));
  json.member("error_code", ksql_error_code(error.code));
  json.member("message", full_message(error));
  json.end_object();
  write(json.json());
}

void InsertsExchange::fail(const Error& error) {
  log_if_denied(pages_, context_, user_, error);
  is_over_ = true;
  copy_.reset();
  // If the answer has not begun, answer() sends the error and ends the answer, and the calls after it have no
  // effect. If the answer has begun, answer() has no effect, and write() sends the error.
  context_.responder.answer(statement_error(error, {}));
  write(error_object(error));
  if (is_array_) context_.responder.write("]");
  context_.responder.end();
}

void InsertsExchange::shut_down(const Error& reason) {
  if (!is_over_) fail(reason);
}

}  // namespace server::http
