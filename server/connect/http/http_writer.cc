#include "server/connect/http/http_writer.h"

#include <absl/strings/str_replace.h>
#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <memory>

#include "engine/connect/secrets.h"
#include "engine/connect/transforms/record_forms.h"
#include "server/http_client/http_endpoints.h"

namespace server {

namespace {

constexpr int64_t kLongestHttpPauseMs = 30'000;
// Limit for the pause that a server asks for with Retry-After, so that a server with a wrong clock,
// or a hostile one, cannot stop the task.
constexpr int64_t kLongestRetryAfterMs = 300'000;
constexpr size_t kAnswerBytes = 64 << 10;
constexpr size_t kShownAnswerBytes = 200;

bool is_success(int status) { return status >= 200 && status < 300; }

}  // namespace

std::string HttpWriter::reason_of(const Answer& answer) const {
  if (answer.status == 0) return answer.error;
  // The body of an answer may repeat the credentials of the request, so they are hidden.
  std::string body = answer.body;
  for (const std::string& secret : sink_.secrets)
    absl::StrReplaceAll({{secret, std::string(engine::kHiddenValue)}}, &body);
  return fmt::format("the answer has the status {}: {}", answer.status,
                     printable(body, kShownAnswerBytes));
}

Result<HttpWriter::Item> HttpWriter::item_of(const SinkRecord& record, size_t index) const {
  Item item{.index = index, .url = {}, .body = {}};
  const engine::ConnectDatum key = TRY(engine::decode_datum(record.key, sink_.forms.key));
  const std::string key_text = key.value.is_null() ? std::string()
                               : key.value.kind == engine::JsonKind::String
                                   ? key.value.text
                                   : engine::json_tree_text(key.value);
  engine::TemplateRecord fields{.topic = record.topic,
                                .partition = record.partition.value(),
                                .offset = record.offset.value(),
                                .timestamp_ms = record.timestamp_ms,
                                .key = key_text};
  // A value whose bytes are sent unchanged is not decoded.
  engine::JsonTree value;
  const bool uses_fields = sink_.url.uses_value() || (sink_.body && sink_.body->uses_value());
  const bool is_plain = sink_.forms.value == engine::DataForm::Text;
  if (record.value && (uses_fields || !is_plain)) {
    auto datum =
        engine::decode_datum(record.value, is_plain ? engine::DataForm::Json : sink_.forms.value);
    if (datum) {
      value = std::move(datum->value);
      fields.value = &value;
    } else if (!is_plain) {
      return datum.error();
    }
  }
  if (!record.value || (!is_plain && value.is_null())) {
    if (sink_.null_values != engine::NullValues::Delete)
      return Error{ErrorCode::InvalidText,
                   "the record has no value",
                   {},
                   "\"behavior.on.null.values\" = 'ignore' skips such records."};
    item.is_delete = true;
  }
  item.url = TRY(sink_.url.fill(fields, engine::TemplateEscape::Url));
  if (item.is_delete) return item;
  if (sink_.body)
    item.body = TRY(sink_.body->fill(fields, engine::TemplateEscape::Json));
  else if (is_plain && sink_.quotes_texts)
    item.body = engine::json_tree_text({.kind = engine::JsonKind::String, .text = *record.value});
  else if (is_plain)
    item.body = *record.value;
  else if (value.kind == engine::JsonKind::String && !sink_.quotes_texts)
    item.body = value.text;
  else if (sink_.forms.value == engine::DataForm::Json)
    item.body = *record.value;
  else
    item.body = engine::json_tree_text(value);
  return item;
}

Result<HttpWriter::Answer> HttpWriter::ask_once(HttpThread::Request request, const TaskWait& wait) {
  struct Call {
    Answer answer;
    std::promise<void> done;
  };
  const auto call = std::make_shared<Call>();
  // Bytes beyond kAnswerBytes are dropped. A long answer is not a failure: the service has accepted
  // the records, and they must not be sent again.
  request.on_bytes = [call](std::string_view bytes) {
    call->answer.body += bytes.substr(0, kAnswerBytes - call->answer.body.size());
  };
  request.on_end = [call](const HttpEnd& end) {
    constexpr int64_t kMsOfSecond = 1'000;
    call->answer.status = end.status;
    call->answer.error = end.error;
    call->answer.retry_after_ms =
        std::min(end.retry_after_s, kLongestRetryAfterMs / kMsOfSecond) * kMsOfSecond;
    call->done.set_value();
  };
  const std::future<void> done = call->done.get_future();
  const uint64_t number = http_.start(std::move(request));
  constexpr auto kCheckInterval = std::chrono::milliseconds(100);
  while (done.wait_for(kCheckInterval) != std::future_status::ready) {
    if (wait.wait_for(0)) continue;
    http_.cancel(number);
    return Error{ErrorCode::ShuttingDown, "the connector is stopping"};
  }
  return std::move(call->answer);
}

Result<HttpWriter::Answer> HttpWriter::ask(const HttpThread::Request& request,
                                           const TaskWait& wait) {
  int64_t pause_ms = sink_.backoff_ms;
  for (int64_t retries = 0;; ++retries) {
    Answer answer = TRY(ask_once(request, wait));
    if (is_success(answer.status)) return answer;
    const bool may_help = answer.status == 0 || sink_.is_retried(answer.status);
    if (!may_help || (sink_.max_retries && retries >= *sink_.max_retries)) return answer;
    wait.on_retry({ErrorCode::NetworkFailure, reason_of(answer)});
    if (!wait.wait_for(std::max(pause_ms, answer.retry_after_ms)))
      return Error{ErrorCode::ShuttingDown, "the connector is stopping"};
    pause_ms = std::min(2 * pause_ms, kLongestHttpPauseMs);
  }
}

Status HttpWriter::send_items(std::span<const SinkRecord> records, std::span<const Item> items,
                              bool isolates_bad_records, const TaskWait& wait,
                              std::vector<Refused>& refused) {
  HttpThread::Request request;
  request.url = items[0].url;
  request.method = items[0].is_delete ? "DELETE" : sink_.method;
  const bool has_frame = sink_.is_array || sink_.batch_records > 1;
  if (!items[0].is_delete) {
    if (has_frame) request.body += sink_.batch_prefix;
    for (const Item& item : items) {
      if (&item != &items[0]) request.body += sink_.batch_separator;
      request.body += item.body;
    }
    if (has_frame) request.body += sink_.batch_suffix;
  }
  const SinkRecord& first = records[items.front().index];
  const SinkRecord& last = records[items.back().index];
  std::string offsets = std::to_string(first.offset.value());
  if (items.size() > 1) offsets += fmt::format("-{}", last.offset.value());
  request.content_type.clear();  // among the headers
  request.headers = sink_.headers;
  // Records that are sent again have the same offsets, and so the same key. With this key the service can recognize
  // that it has received them before.
  request.headers.emplace_back(
      "Idempotency-Key",
      fmt::format("{}/{}/{}/{}", percent_encoded(connector_), percent_encoded(first.topic),
                  first.partition.value(), offsets));
  request.user_and_password = sink_.user_and_password;
  request.connect_timeout_ms = sink_.connect_timeout_ms;
  request.timeout_ms = sink_.request_timeout_ms;
  request.allows_private_addresses = may_reach_private_addresses_;
  const Answer answer = TRY(ask(request, wait));
  if (is_success(answer.status)) return {};
  // With a wrong secret the service refuses every record, so the task fails, and no record counts
  // as a bad one. The message does not contain the address, which may be a secret.
  if (answer.status == 401 || answer.status == 403)
    return Error{ErrorCode::InsufficientPrivilege,
                 reason_of(answer),
                 {},
                 "Correct the secret, then run RESTART CONNECTOR."};
  if (items.size() > 1 && isolates_bad_records) {
    const size_t half = items.size() / 2;
    TRY(send_items(records, items.first(half), true, wait, refused));
    return send_items(records, items.subspan(half), true, wait, refused);
  }
  Error error{ErrorCode::InvalidText, reason_of(answer)};
  if (items.size() > 1)
    error.message = fmt::format("one of {} records: {}", items.size(), error.message);
  refused.push_back({items[0].index, std::move(error)});
  return {};
}

Result<std::vector<BatchWriter::Refused>> HttpWriter::send(std::span<const SinkRecord> records,
                                                           bool isolates_bad_records,
                                                           const TaskWait& wait) {
  std::vector<Refused> refused;
  std::vector<Item> items;
  for (size_t i = 0; i < records.size(); ++i) {
    if (!records[i].value && sink_.null_values == engine::NullValues::Ignore) continue;
    auto item = item_of(records[i], i);
    if (item)
      items.push_back(*std::move(item));
    else
      refused.push_back({i, std::move(item).error()});
  }
  for (size_t begin = 0; begin < items.size();) {
    size_t end = begin + 1;
    while (end < items.size() && !items[begin].is_delete && !items[end].is_delete &&
           items[end].url == items[begin].url)
      ++end;
    TRY(send_items(records, std::span(items).subspan(begin, end - begin), isolates_bad_records,
                   wait, refused));
    begin = end;
  }
  return refused;
}

}  // namespace server
