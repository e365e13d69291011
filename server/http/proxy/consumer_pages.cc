// Serves /consumers: consumers that exist between requests (version 2 of the API).
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include "server/http/body_fields.h"
#include "server/http/proxy/consumer_instances.h"
#include "server/http/proxy/proxy_handlers.h"

namespace server::http {

namespace {

using engine::JsonTree;

constexpr size_t kMaxName = 200;
constexpr std::string_view kSettingNames[] = {"id",
                                              "name",
                                              "format",
                                              "auto.offset.reset",
                                              "auto.commit.enable",
                                              "enable.auto.commit",
                                              "fetch.min.bytes",
                                              "consumer.request.timeout.ms"};

bool is_true_member(const JsonTree* node) {
  return node && (node->kind == engine::JsonKind::Boolean ? node->boolean : node->text == "true");
}

Response create(const ProxyView& view, ConsumerInstances& instances, const Request& request) {
  ConsumerSettings settings;
  settings.group = request.path_parameters.at(0);
  if (request.body.find_first_not_of(" \t\r\n") != std::string::npos) {
    constexpr size_t kMaxSettings = 64 * 1024;
    if (request.body.size() > kMaxSettings)
      return proxy_error(413, "the body of this request can have at most 64 KB");
    const auto tree = engine::parse_json_tree(request.body);
    if (!tree) return proxy_error(400, "the body of the request is not JSON");
    if (const std::string unknown =
            unrecognized_field(*tree, kSettingNames, UnknownFields::Refused);
        !unknown.empty())
      return proxy_error(422, unknown);
    settings.name = tree->text_of("name");
    if (settings.name.empty()) settings.name = tree->text_of("id");
    if (const std::string name = tree->text_of("format"); !name.empty()) {
      const auto format = find_embedded(name);
      if (!format || *format == Embedded::Text)
        return proxy_error(42204, "format must be binary, json, avro, jsonschema or protobuf");
      if (has_schema(*format) && !view.registry.elsewhere.empty())
        return proxy_error(501,
                           "formats with schemas are not supported yet when schemas are kept by "
                           "the registry at " +
                               view.registry.elsewhere);
      settings.format = *format;
    }
    const std::string reset = tree->text_of("auto.offset.reset");
    if (!reset.empty() && reset != "earliest" && reset != "latest")
      return proxy_error(42204, "auto.offset.reset must be earliest or latest");
    settings.begins_at_start = reset == "earliest";
    for (const char* member : {"auto.commit.enable", "enable.auto.commit"})
      if (const JsonTree* node = tree->find(member)) settings.commits_itself = is_true_member(node);
    int64_t number = 0;
    if (const JsonTree* node = tree->find("fetch.min.bytes")) {
      if (!absl::SimpleAtoi(node->text, &number) || number < -1 || number > 10'000'000)
        return proxy_error(42204, "fetch.min.bytes must be a number up to 10000000");
      settings.min_bytes = static_cast<int32_t>(std::max<int64_t>(number, 0));
    }
    if (const JsonTree* node = tree->find("consumer.request.timeout.ms")) {
      if (!absl::SimpleAtoi(node->text, &number) || number < 0)
        return proxy_error(42204, "consumer.request.timeout.ms must be a number");
      settings.request_timeout_ms = number;
    }
  }
  if (settings.name.empty()) settings.name = "rest-consumer-" + Uuid::random().to_string();
  if (settings.name.size() > kMaxName || settings.group.size() > kMaxName)
    return proxy_error(422, fmt::format("a name can have at most {} bytes", kMaxName));
  const std::string name = settings.name, group = settings.group;
  switch (instances.add(std::move(settings))) {
    case ConsumerInstances::Added::Exists:
      return proxy_error(40902,
                         "Consumer with specified consumer ID already exists in the "
                         "specified consumer group.");
    case ConsumerInstances::Added::TooMany:
      return proxy_error(50301, fmt::format("the limit of {} consumer instances is reached",
                                            ConsumerInstances::kMost));
    case ConsumerInstances::Added::Yes:
      break;
  }
  const std::string_view host = request.header("host");
  engine::JsonWriter json;
  json.begin_object();
  json.member("instance_id", name);
  json.member("base_uri",
              fmt::format("http://{}/consumers/{}/instances/{}",
                          host.empty() ? view.address() : std::string(host), group, name));
  json.end_object();
  Response response = proxy_response(json.take());
  response.head.content_type = kProxyJson;
  return response;
}

struct OperationRow {
  const char *method, *path;
  ConsumerInstance::Operation operation;
};
constexpr OperationRow kOperations[] = {
    {"POST", "subscription", &ConsumerInstance::subscribe},
    {"GET", "subscription", &ConsumerInstance::subscription},
    {"DELETE", "subscription", &ConsumerInstance::unsubscribe},
    {"POST", "assignments", &ConsumerInstance::assign},
    {"GET", "assignments", &ConsumerInstance::assignment},
    {"POST", "positions", &ConsumerInstance::seek},
    {"POST", "positions/beginning", &ConsumerInstance::seek_to_beginning},
    {"POST", "positions/end", &ConsumerInstance::seek_to_end},
    {"GET", "records", &ConsumerInstance::records},
    {"POST", "offsets", &ConsumerInstance::commit},
    {"GET", "offsets", &ConsumerInstance::committed},
};

void run(const std::shared_ptr<ConsumerInstance>& instance, ConsumerInstance::Operation operation,
         Request request, ResponseDone done) {
  if (!instance) return done(proxy_error(40403, "Consumer instance not found."));
  auto shared = std::make_shared<Request>(std::move(request));
  instance->loop().post([instance, operation, shared, done = std::move(done)] {
    instance->run(operation, std::move(*shared), done);
  });
}

}  // namespace

void add_consumer_pages(Routes& routes, const ProxyView& view, ConsumerInstances& instances) {
  routes.add({"POST", "/consumers/{group}", answer_with([&](const Request& request) {
                return create(view, instances, request);
              })});
  const std::string base = "/consumers/{group}/instances/{instance}";
  for (const OperationRow& row : kOperations)
    routes.add({row.method, base + "/" + row.path,
                answer_later([&instances, &row](Request request, ResponseDone done) {
                  auto found =
                      instances.find(request.path_parameters.at(0), request.path_parameters.at(1));
                  run(found, row.operation, std::move(request), std::move(done));
                })});
  routes.add({"DELETE", base, answer_later([&instances](Request request, ResponseDone done) {
                auto found =
                    instances.take(request.path_parameters.at(0), request.path_parameters.at(1));
                run(found, &ConsumerInstance::close, std::move(request), std::move(done));
              })});
}

}  // namespace server::http
