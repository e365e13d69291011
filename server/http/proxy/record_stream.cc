// Serves POST /v3/clusters/{cluster}/topics/{topic}/records: a JSON document for one record, or
// many documents one after the other. Each document is answered as soon as its record is durable.
#include <absl/strings/escaping.h>
#include <absl/time/time.h>
#include <fmt/format.h>

#include <deque>
#include <optional>
#include <span>

#include "base/memory_budget.h"
#include "engine/formats/json/json_tree.h"
#include "engine/types/text_bytes.h"
#include "server/http/body_fields.h"
#include "server/http/proxy/payload.h"
#include "server/http/proxy/proxy_handlers.h"
#include "server/http/proxy/proxy_json.h"
#include "server/http/proxy/record_schemas.h"
#include "server/http/proxy/topic_producer.h"

namespace server::http {

namespace {

using engine::JsonKind;
using engine::JsonTree;

constexpr std::string_view kDocumentNames[] = {"id",  "partition_id", "headers",
                                               "key", "value",        "timestamp"};
constexpr std::string_view kHeaderNames[] = {"name", "value"};
constexpr std::string_view kSideNames[] = {
    "type", "data", "schema_id", "schema", "schema_version", "subject", "subject_name_strategy"};

constexpr size_t kMaxDocument = size_t{2} << 20;
constexpr size_t kMaxUnderWay = 50;

// Splits a sequence of JSON objects by their brackets.
class Documents {
 public:
  explicit Documents(MemoryAccount* memory) : charge_(memory, MemoryKind::Connections) {}

  void append(std::string_view bytes) {
    text_ += bytes;
    charge_.resize(text_.capacity());
  }
  // Returns the next complete JSON object; nothing if more bytes are needed.
  std::optional<std::string> next() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (is_in_string_) {
        if (std::exchange(is_escaped_, false)) continue;
        if (c == '\\') is_escaped_ = true;
        if (c == '"') is_in_string_ = false;
      } else if (c == '"') {
        is_in_string_ = true;
      } else if (c == '{' || c == '[') {
        ++depth_;
      } else if ((c == '}' || c == ']') && --depth_ <= 0) {
        std::string document = text_.substr(0, at_ + 1);
        text_.erase(0, at_ + 1);
        at_ = 0;
        depth_ = 0;
        return document;
      }
    }
    return std::nullopt;
  }
  size_t size() const { return text_.size(); }
  bool has_more() const { return text_.find_first_not_of(" \t\r\n") != text_.npos; }

 private:
  std::string text_;
  size_t at_ = 0;
  int depth_ = 0;
  bool is_in_string_ = false, is_escaped_ = false;
  MemoryCharge charge_;
};

std::string time_text(int64_t ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMillis(ms), absl::UTCTimeZone());
}

// Threads: the connection's loop.
class RecordStream final : public Exchange {
 public:
  RecordStream(const ProxyView& view, const Request& request, const ExchangeContext& context)
      : view_(view),
        context_(context),
        cluster_(request.path_parameters.at(0)),
        topic_(request.path_parameters.at(1)),
        documents_(context.memory),
        schemas_(view, context, topic_) {}
  ~RecordStream() override { client_.reset(); }

  void on_body(std::string_view bytes) override {
    if (is_over_) return;
    documents_.append(bytes);
    context_.responder.wake();
  }
  void on_body_end() override {
    is_complete_ = true;
    context_.responder.wake();
  }
  bool wants_body() const override {
    return is_over_ || (under_way_.size() < kMaxUnderWay && documents_.size() < kMaxDocument);
  }

  void run() override {
    if (is_over_) return;
    if (!has_begun_) {
      has_begun_ = true;
      if (cluster_ != view_.cluster_id)
        return refuse(404, fmt::format("Cluster {} cannot be found.", cluster_));
      if (!engine::is_utf8(topic_)) return refuse(400, "a name in the path is not valid UTF-8");
      client_ = view_.open_client(context_.shard, context_.memory);
      ask_topic_shape(*client_, topic_, [this](TopicShape shape) {
        shape_ = shape;
        context_.responder.wake();
      });
    }
    if (!shape_) return;
    if (shape_->error == KafkaError::UnknownTopicOrPartition)
      return refuse(404, "This server does not host this topic-partition.");
    if (shape_->error != KafkaError::None) {
      const ProxyProblem problem = problem_of(shape_->error);
      return refuse(problem.code, problem.message);
    }
    is_drained_ = false;
    // While a record waits for the registration of its schema, other events do not cause another
    // attempt to send it.
    while (!(held_ && schemas_.is_waiting()) && under_way_.size() < kMaxUnderWay &&
           !context_.responder.is_full()) {
      const auto document = held_ ? std::exchange(held_, std::nullopt) : documents_.next();
      is_drained_ = !document;
      if (is_drained_ || !take(*document)) break;
    }
    if (!held_ && documents_.size() >= kMaxDocument && under_way_.empty())
      return refuse(413, fmt::format("a record can have at most {}", format_bytes(kMaxDocument)));
    tell();
  }

 private:
  struct UnderWay {
    std::optional<std::string> answer;
    std::optional<std::string> key_type, value_type;
    size_t key_size = 0, value_size = 0;
  };

  void refuse(int code, std::string_view message) {
    is_over_ = true;
    if (!has_head_) return context_.responder.answer(proxy_error(code, message));
    context_.responder.write(proxy_error(code, message).body + "\n");
    context_.responder.end();
  }

  static std::string problem(int code, std::string_view message) {
    return proxy_error(code, message).body;
  }

  // Encodes a key or value from {"type": "JSON", "data": ...}; without a type, a text is a STRING, and any other value is
  // JSON. Returns false while the schema is being registered.
  Result<bool> encode(engine::Side side, const JsonTree* node, std::optional<std::string>& to,
                      std::optional<std::string>& type) {
    if (!node) return true;
    TRY(check_names(*node, kSideNames));
    const JsonTree* data = node->find("data");
    if (!data || data->is_null()) return true;
    const std::string name = node->text_of("type");
    std::optional<Embedded> format = Embedded::Json;
    if (!name.empty()) format = find_embedded(name);
    if (!format) return wrong(fmt::format("unknown type {}", name));
    RecordSchemas::Found found;
    if (has_schema(*format)) {
      if (!view_.registry.elsewhere.empty())
        return wrong(
            fmt::format("{} is not supported yet when schemas are kept by the registry at {}", name,
                        view_.registry.elsewhere));
      found = TRY(schemas_.find(*format, side, *node));
      if (found.is_pending) return false;
    }
    to = TRY(payload_bytes(*format, *data, found.schema ? &*found.schema : nullptr));
    type = embedded_name(*format);
    return true;
  }

  static Error wrong(std::string message) {
    return {ErrorCode::InvalidParameter, std::move(message)};
  }

  static Status check_names(const JsonTree& node, std::span<const std::string_view> known) {
    std::string unknown = unrecognized_field(node, known, UnknownFields::Refused);
    if (unknown.empty()) return {};
    return wrong(std::move(unknown));
  }

  // Reads the members of a record other than its key and value.
  static Status read_members(const JsonTree& tree, NewRecord& record) {
    if (const JsonTree* headers = tree.find("headers"))
      for (const JsonTree& header : headers->items) {
        TRY(check_names(header, kHeaderNames));
        std::string value;
        const JsonTree* text = header.find("value");
        if (text && !text->is_null() && !absl::Base64Unescape(text->text, &value))
          return wrong("the value of a header must be a string in base64");
        record.headers.emplace_back(header.text_of("name"),
                                    text && !text->is_null() ? std::optional(value) : std::nullopt);
      }
    if (const JsonTree* partition = tree.find("partition_id"); partition && !partition->is_null())
      record.partition = std::atoi(partition->text.c_str());
    const std::string at = tree.text_of("timestamp");
    if (at.empty()) return {};
    absl::Time time;
    std::string why;
    if (!absl::ParseTime(absl::RFC3339_full, at, &time, &why))
      return wrong("a timestamp must have the form 2021-02-03T12:34:56Z");
    record.timestamp = absl::ToUnixMillis(time);
    return {};
  }

  // Returns false while a schema of the record is being registered.
  Result<bool> read_record(const JsonTree& tree, NewRecord& record, UnderWay& entry) {
    TRY(check_names(tree, kDocumentNames));
    for (const auto& [side, name, to, type] :
         {std::tuple(engine::Side::Key, "key", &record.key, &entry.key_type),
          std::tuple(engine::Side::Value, "value", &record.value, &entry.value_type)})
      if (!TRY(encode(side, tree.find(name), *to, *type))) return false;
    TRY(read_members(tree, record));
    return true;
  }

  // Sends one record, or answers with its error. Returns false if the schema of the record is being
  // registered; the record then waits in held_.
  bool take(const std::string& document) {
    auto entry = std::make_shared<UnderWay>();
    const auto refuse_record = [&](int code, std::string_view message) {
      entry->answer = problem(code, message);
      under_way_.push_back(entry);
      return true;
    };
    MemoryCharge charge(context_.memory, MemoryKind::Connections);
    if (!charge.try_resize(tree_bytes(document)))
      return refuse_record(50301, "not enough memory for this record");
    const auto tree = engine::parse_json_tree(document);
    if (!tree || tree->kind != JsonKind::Object)
      return refuse_record(400, "a record must be a JSON object");
    NewRecord record;
    const Result<bool> is_read = read_record(*tree, record, *entry);
    if (!is_read) return refuse_record(422, is_read.error().message);
    if (!*is_read) {
      held_ = document;
      return false;
    }
    entry->key_size = record.key.value_or("").size();
    entry->value_size = record.value.value_or("").size();
    under_way_.push_back(entry);
    produce_records(*client_, context_.clock, topic_, shape_->partition_count, {record},
                    [this, entry](const std::vector<ProducedRecord>& produced) {
                      entry->answer = answer_of(*entry, produced.at(0));
                      context_.responder.wake();
                    });
    return true;
  }

  std::string answer_of(const UnderWay& entry, const ProducedRecord& produced) const {
    if (produced.error != KafkaError::None) {
      const ProxyProblem why = problem_of(produced.error, produced.message);
      return problem(why.code, why.message);
    }
    engine::JsonWriter json;
    json.begin_object();
    json.member("error_code", int64_t{200});
    json.member("cluster_id", cluster_);
    json.member("topic_name", topic_);
    json.member("partition_id", produced.partition);
    json.member("offset", produced.offset);
    json.member("timestamp", time_text(produced.timestamp));
    for (const auto& [name, type, size] :
         {std::tuple("key", &entry.key_type, entry.key_size),
          std::tuple("value", &entry.value_type, entry.value_size)}) {
      if (!*type) continue;
      json.key(name);
      json.begin_object();
      json.member("type", **type);
      json.member("size", static_cast<int64_t>(size));
      json.end_object();
    }
    json.end_object();
    return json.take();
  }

  // Writes answers in the order of the records.
  void tell() {
    while (!under_way_.empty() && under_way_.front()->answer) {
      if (!std::exchange(has_head_, true)) context_.responder.begin({});
      context_.responder.write(*under_way_.front()->answer + "\n");
      under_way_.pop_front();
    }
    if (!under_way_.empty() || held_) return;
    // More complete documents have arrived and the responder accepts output again, so the exchange
    // continues.
    if (!is_drained_ && !context_.responder.is_full()) return context_.responder.wake();
    if (!is_complete_ || !is_drained_) return;
    if (documents_.has_more()) return refuse(400, "the last record is not a complete JSON object");
    if (!has_head_) return refuse(400, "the request has no record");
    is_over_ = true;
    context_.responder.end();
  }

  const ProxyView& view_;
  const ExchangeContext context_;
  const std::string cluster_, topic_;
  Documents documents_;
  RecordSchemas schemas_;
  // The record whose schema is being registered. The records that follow it wait, too, so that the
  // order within the partition is kept.
  std::optional<std::string> held_;
  std::unique_ptr<kafka::LocalClient> client_;
  std::optional<TopicShape> shape_;
  std::deque<std::shared_ptr<UnderWay>> under_way_;  // shared with the callbacks of their requests
  bool is_drained_ = false;                          // no complete document waits in `documents_`
  bool has_begun_ = false, has_head_ = false, is_complete_ = false, is_over_ = false;
};

}  // namespace

void add_record_stream_pages(Routes& routes, const ProxyView& view) {
  routes.add({"POST", "/v3/clusters/{cluster}/topics/{topic}/records",
              [&view](const Request& request, const ExchangeContext& context) {
                return std::make_unique<RecordStream>(view, request, context);
              },
              BodyUse::InPieces});
}

}  // namespace server::http
