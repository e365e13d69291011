#include "server/connect/webhooks/webhook_reader.h"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "base/log.h"
#include "engine/connect/state_record.h"
#include "engine/formats/json/json_tree.h"
#include "server/connect/webhooks/webhook_signature.h"

namespace server {

namespace {

// The bytes that a record takes in addition to its key, value and headers: its numbers, and its
// share of the batch header.
constexpr size_t kWebhookRecordOverhead = 128;

WebhookAnswer refusal(int status, std::string message) { return {status, 0, std::move(message)}; }

// The status of an error of the request.
int status_of(const Error& error) {
  if (error.code == ErrorCode::InvalidAuthorization) return 401;
  return error.code == ErrorCode::LimitExceeded ? 413 : 400;
}

std::string partition_json(const std::string& name) {
  return engine::JsonObjectText().text("webhook", name).take();
}

std::string offset_json(int64_t requests) {
  return engine::JsonObjectText().number("requests", requests).take();
}

size_t size_of(const engine::WebhookRecord& record) {
  return (record.key ? record.key->size() : 0) + record.value.size();
}

}  // namespace

Status WebhookQueue::check_size(const engine::WebhookRecord& record, size_t header_bytes) const {
  // A record can be larger than the body of the request: a form is converted to JSON, and the key
  // may be a copy of a part of the value.
  if (size_of(record) > source_.max_body_bytes)
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("a record has more than {} bytes", source_.max_body_bytes)};
  const size_t most = most_record_bytes_();
  if (size_of(record) + header_bytes <= most) return {};
  return Error{ErrorCode::LimitExceeded,
               fmt::format("a record has {} bytes, and max.message.bytes of its topic is {}",
                           size_of(record) + header_bytes, most)};
}

Result<WebhookQueue::Delivery> WebhookQueue::read(const WebhookRequest& request) const {
  if (request.body.size() > source_.max_body_bytes)
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("the body has more than {} bytes", source_.max_body_bytes)};
  TRY(check_webhook_sender(source_, request, clock_.wall_ms()));
  Delivery delivery;
  delivery.records =
      TRY(engine::webhook_records(source_, request.header("content-type"), request.body));
  size_t header_bytes = kWebhookRecordOverhead;
  for (const std::string& name : source_.include_headers) {
    const std::string_view value = request.header(name);
    if (value.empty()) continue;
    delivery.headers.push_back({name, std::string(value)});
    header_bytes += name.size() + value.size();
  }
  for (engine::WebhookRecord& record : delivery.records) {
    if (const std::string_view key = request.header(source_.key_header);
        !source_.key_header.empty() && !key.empty())
      record.key = std::string(key);
    TRY(check_size(record, header_bytes));
    delivery.bytes += size_of(record) + header_bytes;
  }
  return delivery;
}

void WebhookQueue::accept(WebhookRequest request, Done done) {
  auto delivery = read(request);
  if (!delivery) {
    const bool is_unknown_sender = delivery.error().code == ErrorCode::InvalidAuthorization;
    if (is_unknown_sender) log_refusal(delivery.error());
    // The answer to an unknown sender does not contain the reason, which could help an attacker.
    return done(refusal(status_of(delivery.error()),
                        is_unknown_sender ? "the request is not signed by a known sender"
                                          : delivery.error().message));
  }
  if (delivery->records.empty()) return done({});
  WebhookAnswer refused;
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_) {
      refused = refusal(503, "the connector is stopping");
    } else if (is_paused_) {
      refused = refusal(503, "the connector is paused");
    } else if (waiting_bytes_ > 0 && waiting_bytes_ + delivery->bytes > source_.max_queue_bytes) {
      refused = refusal(429, "too many records wait for the log");
    } else if (!memory_.try_add(delivery->bytes)) {
      refused = refusal(429, memory_.refusal().message);
    } else {
      delivery->done = std::move(done);
      waiting_bytes_ += delivery->bytes;
      waiting_.push_back(*std::move(delivery));
      if (wake_) wake_();
      return;
    }
  }
  done(std::move(refused));
}

void WebhookQueue::log_refusal(const Error& why) {
  constexpr int64_t kIntervalUs = 10'000'000;  // a hostile sender must not fill the log
  int64_t refusals = 0;
  {
    const std::lock_guard lock(mutex_);
    ++refusals_;
    const int64_t now_us = clock_.monotonic_us();
    if (logged_us_ != 0 && now_us - logged_us_ < kIntervalUs) return;
    logged_us_ = now_us;
    refusals = refusals_;
  }
  log_warn("webhook refuses a sender connector={} reason=\"{}\" refusals={}", name_, why.message,
           refusals);
}

void WebhookQueue::on_arrival(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
}

std::vector<WebhookQueue::Delivery> WebhookQueue::take(size_t max_bytes, size_t max_requests,
                                                       bool& has_more) {
  const std::lock_guard lock(mutex_);
  is_paused_ = false;
  std::vector<Delivery> taken;
  size_t bytes = 0;
  while (!waiting_.empty() && taken.size() < max_requests &&
         (taken.empty() || bytes + waiting_.front().bytes <= max_bytes)) {
    bytes += waiting_.front().bytes;
    taken.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  waiting_bytes_ -= bytes;
  memory_.remove(bytes);
  has_more = !waiting_.empty();
  return taken;
}

std::deque<WebhookQueue::Delivery> WebhookQueue::take_all() {
  memory_.remove(std::exchange(waiting_bytes_, 0));
  return std::exchange(waiting_, {});
}

void WebhookQueue::pause() {
  std::deque<Delivery> refused;
  {
    const std::lock_guard lock(mutex_);
    is_paused_ = true;
    refused = take_all();
  }
  for (const Delivery& delivery : refused)
    delivery.done(refusal(503, "the connector was paused before the records were stored"));
}

void WebhookQueue::close() {
  std::deque<Delivery> refused;
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    wake_ = nullptr;
    refused = take_all();
  }
  for (const Delivery& delivery : refused)
    delivery.done(refusal(503, "the connector was stopped before the records were stored"));
}

WebhookReader::WebhookReader(Webhooks& webhooks, engine::WebhookSource source, std::string name,
                             WebhookQueue::MostRecordBytes most_record_bytes,
                             ConnectorMemory& memory, const Clock& clock)
    : webhooks_(webhooks),
      topic_(source.topic),
      name_(name),
      queue_(std::make_shared<WebhookQueue>(std::move(source), std::move(name),
                                            std::move(most_record_bytes), memory, clock)) {}

WebhookReader::~WebhookReader() {
  webhooks_.close(name_, queue_.get());
  queue_->close();
  for (const Taken& taken : taken_)
    for (const WebhookQueue::Delivery& delivery : taken.deliveries)
      delivery.done(refusal(503, "it is not known whether the records were stored"));
}

Status WebhookReader::start(const SourcePositions& positions) {
  for (const SourcePosition& position : positions) {
    if (position.partition_json != partition_json(name_) || !position.offset_json) continue;
    const engine::JsonTree offset = TRY(engine::parse_json_tree(*position.offset_json));
    const engine::JsonTree* requests = offset.find("requests");
    if (requests != nullptr && requests->kind == engine::JsonKind::Number)
      requests_ = std::strtoll(requests->text.c_str(), nullptr, 10);
  }
  webhooks_.open(name_, queue_);
  return {};
}

void WebhookReader::on_ready(std::function<void()> wake) { queue_->on_arrival(std::move(wake)); }

Result<SourceBatch> WebhookReader::poll(const Limits& limits) {
  SourceBatch batch;
  std::vector<WebhookQueue::Delivery> deliveries =
      queue_->take(limits.max_bytes, limits.max_records, batch.has_more);
  if (deliveries.empty()) return batch;
  for (WebhookQueue::Delivery& delivery : deliveries) {
    ++requests_;
    int64_t number = 0;
    for (engine::WebhookRecord& record : delivery.records)
      batch.records.push_back({.topic = topic_,
                               .order_key = fmt::format("request {}", requests_),
                               .key = std::move(record.key),
                               .value = std::move(record.value),
                               .number = ++number,
                               .headers = delivery.headers});
  }
  batch.positions = {{partition_json(name_), offset_json(requests_)}};
  taken_.push_back({requests_, std::move(deliveries)});
  return batch;
}

Status WebhookReader::confirm(const SourcePositions& positions) {
  if (positions.empty() || taken_.empty()) return {};
  const Taken durable = std::move(taken_.front());
  taken_.pop_front();
  for (const WebhookQueue::Delivery& delivery : durable.deliveries)
    delivery.done({200, static_cast<int64_t>(delivery.records.size())});
  return {};
}

}  // namespace server
