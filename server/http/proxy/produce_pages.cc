// Serves POST /topics/{topic}: records of an HTTP client (version 2 of the API).
#include <fmt/format.h>

#include <algorithm>

#include "engine/registry/registrar.h"
#include "server/http/body_fields.h"
#include "server/http/proxy/payload.h"
#include "server/http/proxy/proxy_call.h"
#include "server/http/proxy/proxy_handlers.h"
#include "server/http/proxy/record_schemas.h"
#include "server/http/proxy/topic_producer.h"

namespace server::http {

namespace {

using engine::JsonKind;
using engine::JsonTree;

// Reading a body of this size takes a millisecond.
constexpr size_t kMaxOnLoop = 64 * 1024;
constexpr std::string_view kBodyNames[] = {"records", "key_schema", "key_schema_id", "value_schema",
                                           "value_schema_id"};
constexpr std::string_view kRecordNames[] = {"key", "value", "partition"};
// Steps for checking values against a JSON Schema, for one request: about a second.
constexpr uint64_t kMaxCheckSteps = 2'000'000;

// A produce request in steps: it is read, its schemas are found or registered, its records are
// encoded and sent to their partitions.
class Produce : public std::enable_shared_from_this<Produce> {
 public:
  Produce(std::shared_ptr<ProxyCall> call, Embedded format)
      : call_(std::move(call)),
        format_(format),
        charge_(call_->view.memory, MemoryKind::Connections) {}

  void begin() {
    aside([self = shared_from_this()] { self->read(); },
          [self = shared_from_this()] { self->find_schemas(); });
  }

 private:
  struct Side {
    engine::Side side;
    const char *text_member, *id_member;
    int missing_code;
    std::optional<WrittenSchema> schema = {};
  };

  // Runs `work`, on another thread if it may take long, and then `then` on the loop. If the request
  // is refused meanwhile, `then` is not called.
  void aside(const std::function<void()>& work, const std::function<void()>& then) {
    if (call_->request.body.size() <= kMaxOnLoop && format_ != Embedded::JsonSchema) {
      work();
      if (!has_failed()) then();
      return;
    }
    const bool is_taken = call_->view.registry.run_aside(
        3 * call_->request.body.size(),
        [self = shared_from_this(), &loop = call_->context.loop, work, then] {
          work();
          loop.post([self, then] {
            if (!self->call_->is_over() && !self->has_failed()) then();
          });
        });
    if (!is_taken) call_->refuse(50301, "too many requests are queued; try again");
  }
  bool has_failed() {
    if (problem_.code == 0) return false;
    call_->refuse(problem_.code, problem_.message);
    return true;
  }
  void fail(int code, std::string message) { problem_ = {code, std::move(message)}; }

  // --- Possibly on a worker thread
  void read() {
    const size_t needed = tree_bytes(call_->request.body);
    if (!charge_.try_resize(needed))
      return fail(50301, charge_.refusal("a request of " + format_bytes(needed)).message);
    auto tree = engine::parse_json_tree(call_->request.body);
    if (!tree || tree->kind != JsonKind::Object)
      return fail(400, "the body of the request is not a JSON object");
    body_ = *std::move(tree);
    if (std::string unknown = unrecognized_field(body_, kBodyNames, UnknownFields::Refused);
        !unknown.empty())
      return fail(422,
                  body_.find("records")
                      ? std::move(unknown)
                      : unknown + ": the records are in a list: {\"records\":[{\"value\":...}]}");
    const JsonTree* list = body_.find("records");
    if (!list || list->kind != JsonKind::Array || list->items.empty())
      return fail(422, "the request has no records");
    for (const JsonTree& record : list->items) {
      if (record.kind != JsonKind::Object) return fail(422, "a record must be an object");
      if (std::string unknown = unrecognized_field(record, kRecordNames, UnknownFields::Refused);
          !unknown.empty())
        return fail(422, std::move(unknown));
    }
  }

  // Builds the checks of values against a JSON Schema, on the thread that uses them, since a schema
  // may be large.
  bool make_checks() {
    for (Side* side : {&key_, &value_}) {
      if (!side->schema || format_ != Embedded::JsonSchema) continue;
      auto made = written_schema(side->schema->id, std::move(side->schema->text), kMaxCheckSteps);
      if (!made) {
        fail(42203, made.error().message);
        return false;
      }
      side->schema = *std::move(made);
    }
    return true;
  }

  void encode() {
    if (!make_checks()) return;
    for (const JsonTree& from : body_.find("records")->items) {
      NewRecord& record = records_.emplace_back();
      for (const auto& [side, to] : {std::pair(&key_, &record.key), {&value_, &record.value}}) {
        const JsonTree* node = from.find(side->side == engine::Side::Key ? "key" : "value");
        if (!node) continue;
        auto bytes = payload_bytes(format_, *node, side->schema ? &*side->schema : nullptr);
        if (!bytes)
          return fail(
              has_schema(format_) ? 42203 : 42204,
              fmt::format("record {}: {}: {}", records_.size(),
                          from.find("key") == node ? "key" : "value", bytes.error().message));
        *to = *std::move(bytes);
      }
      const JsonTree* partition = from.find("partition");
      if (partition && !partition->is_null()) {
        if (partition->kind != JsonKind::Number) return fail(422, "a partition must be a number");
        record.partition = std::atoi(partition->text.c_str());
      }
      if (call_->request.path_parameters.size() > 1)
        record.partition = std::atoi(call_->parameter(1).c_str());
    }
  }

  // --- On the loop
  void find_schemas() {
    if (!has_schema(format_)) return encode_and_send();
    if (const std::string& url = call_->view.registry.elsewhere; !url.empty())
      return call_->refuse(501,
                           fmt::format("formats with schemas are not supported yet when schemas "
                                       "are kept by the registry at {}",
                                       url));
    for (Side* side : {&key_, &value_}) {
      const JsonTree* id = body_.find(side->id_member);
      const JsonTree* text = body_.find(side->text_member);
      if (id && id->kind == JsonKind::Number) {
        const auto number = static_cast<int32_t>(std::atoll(id->text.c_str()));
        if (!use(*side, number))
          return call_->refuse(42207, fmt::format("schema {} of this type does not exist", number));
      } else if (text && text->kind == JsonKind::String) {
        if (!side->schema) return register_schema(*side, text->text);
      } else if (is_used(*side)) {
        return call_->refuse(side->missing_code,
                             fmt::format("Request includes {}s but does not include {} schema",
                                         side->side == engine::Side::Key ? "key" : "value",
                                         side->side == engine::Side::Key ? "key" : "value"));
      }
    }
    encode_and_send();
  }

  bool use(Side& side, int32_t id) const {
    const auto text = call_->view.registry.registry().find_schema(id);
    if (!text || text->kind != schema_kind_of(format_)) return false;
    side.schema = WrittenSchema{id, *text};
    return true;
  }

  bool is_used(const Side& side) const {
    const char* member = side.side == engine::Side::Key ? "key" : "value";
    return std::ranges::any_of(body_.find("records")->items, [&](const JsonTree& record) {
      const JsonTree* node = record.find(member);
      return node && !node->is_null();
    });
  }

  void register_schema(Side& side, const std::string& text) {
    const std::string subject = engine::subject_of(call_->parameter(0), side.side);
    register_under(subject, {.kind = schema_kind_of(format_), .text = text}, call_->view.registry,
                   call_->context.loop,
                   [self = shared_from_this(), &side](const engine::RegistryResult<int32_t>& id) {
                     if (self->call_->is_over()) return;
                     if (!id)
                       return self->call_->refuse(id.error().code == 409 ? 40801 : 42205,
                                                  id.error().message);
                     if (!self->use(side, *id))
                       return self->call_->refuse(50001, "the schema was deleted");
                     self->find_schemas();
                   });
  }

  void encode_and_send() {
    aside([self = shared_from_this()] { self->encode(); },
          [self = shared_from_this()] { self->send(); });
  }

  void send() {
    ask_topic_shape(
        call_->client(), call_->parameter(0), [self = shared_from_this()](TopicShape shape) {
          if (shape.error == KafkaError::UnknownTopicOrPartition)
            return self->call_->refuse(40401, "Topic not found.");
          if (shape.error != KafkaError::None) return self->call_->answer(proxy_error(shape.error));
          const bool names_partition = self->call_->request.path_parameters.size() > 1;
          if (names_partition && (*self->records_.front().partition < 0 ||
                                  *self->records_.front().partition >= shape.partition_count))
            return self->call_->refuse(40402, "Partition not found.");
          produce_records(self->call_->client(), self->call_->context.clock,
                          self->call_->parameter(0), shape.partition_count, self->records_,
                          [self](const std::vector<ProducedRecord>& all) { self->tell(all); });
        });
  }

  void tell(const std::vector<ProducedRecord>& all) {
    engine::JsonWriter json;
    json.begin_object();
    json.key("offsets");
    json.begin_array();
    for (const ProducedRecord& one : all) {
      json.begin_object();
      const bool is_there = one.error == KafkaError::None;
      for (const auto& [name, number] :
           {std::pair("partition", int64_t{one.partition}), {"offset", one.offset}}) {
        json.key(name);
        is_there ? json.number(number) : json.null();
      }
      json.key("error_code");
      const ProxyProblem problem = problem_of(one.error, one.message);
      constexpr int kRetriable = 50003;
      is_there ? json.null() : json.number(problem.code == kRetriable ? 2 : 1);
      json.key("error");
      is_there ? json.null() : json.text(problem.message);
      json.end_object();
    }
    json.end_array();
    for (const auto& [name, side] :
         {std::pair("key_schema_id", &key_), {"value_schema_id", &value_}}) {
      json.key(name);
      side->schema ? json.number(side->schema->id) : json.null();
    }
    json.end_object();
    Response response = proxy_response(json.take());
    response.head.content_type = kProxyJson;
    call_->answer(std::move(response));
  }

  const std::shared_ptr<ProxyCall> call_;
  const Embedded format_;
  // Memory of the JSON tree and its records. It is not charged to the connection, which may end
  // first.
  OwnedCharge charge_;
  JsonTree body_;
  ProxyProblem problem_;
  std::vector<NewRecord> records_;
  Side key_{engine::Side::Key, "key_schema", "key_schema_id", 42201};
  Side value_{engine::Side::Value, "value_schema", "value_schema_id", 42202};
};

void produce(const std::shared_ptr<ProxyCall>& call) {
  const auto format = embedded_of_content_type(call->request.header("content-type"));
  if (!format)
    return call->refuse(415,
                        "HTTP 415 Unsupported Media Type: set the header Content-Type: "
                        "application/vnd.kafka.json.v2+json, and send {\"records\": [{\"value\": "
                        "...}]}");
  std::make_shared<Produce>(call, *format)->begin();
}

}  // namespace

void add_produce_pages(Routes& routes, const ProxyView& view) {
  routes.add({"POST", "/topics/{topic}", proxy_handler(view, produce)});
  routes.add({"POST", "/topics/{topic}/partitions/{partition}", proxy_handler(view, produce)});
}

}  // namespace server::http
