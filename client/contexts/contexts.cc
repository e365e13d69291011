#include "client/contexts/contexts.h"

#include <fmt/format.h>
#include <simdjson.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/suggest.h"
#include "client/flags.h"
#include "client/sql/result_printer.h"
#include "client/user_folder.h"

namespace client {

namespace {

constexpr std::string_view kFile = "/contexts.json";

std::string json_text(std::string_view text) { return to_json(Cell(text), 0); }

// A member of Context that is a text. The table of these members is used to read and to write the
// file.
struct TextMember {
  const char* name;
  std::string Context::*member;
};
constexpr TextMember kContextTexts[] = {{"id", &Context::id},
                                        {"name", &Context::name},
                                        {"environment", &Context::environment},
                                        {"kafka", &Context::kafka},
                                        {"sql", &Context::sql},
                                        {"http", &Context::http},
                                        {"ca", &Context::ca},
                                        {"user", &Context::user},
                                        {"password", &Context::password},
                                        {"data_dir", &Context::data_dir},
                                        {"current_key", &Context::current_key}};

struct KeyMember {
  const char* name;
  std::string ApiKey::*member;
};
constexpr KeyMember kKeyTexts[] = {{"key", &ApiKey::key},
                                   {"secret", &ApiKey::secret},
                                   {"description", &ApiKey::description},
                                   {"created", &ApiKey::created}};

std::string text_of(simdjson::dom::element object, const char* name) {
  std::string_view text;
  return object[name].get(text) ? std::string() : std::string(text);
}

// Returns the elements of the array member `name`; none if the member is missing.
std::vector<simdjson::dom::element> elements_of(simdjson::dom::element object, const char* name) {
  simdjson::dom::array array;
  if (object[name].get(array)) return {};
  return {array.begin(), array.end()};
}

Error damaged(const char* why) {
  return {ErrorCode::InvalidText, fmt::format("the file of contexts is damaged: {}", why)};
}

// Finds an item by its id or its name. The hint of the error contains names but no command, because
// `millrace context` and `millrace confluent` both use this function.
template <class Item>
Result<Item*> find_in(std::vector<Item>& items, std::string_view wanted, std::string_view what,
                      std::string_view hint_if_none) {
  constexpr size_t kMostShown = 10;
  std::vector<std::string> all, names;
  for (Item& item : items) {
    if (item.id == wanted || item.name == wanted) return &item;
    all.push_back(item.id);
    all.push_back(item.name);
    if (names.size() < kMostShown) names.push_back(item.name);
  }
  const std::string listed = names.empty()
                                 ? std::string(hint_if_none)
                                 : fmt::format("Known names: {}{}.", fmt::join(names, ", "),
                                               items.size() > names.size() ? ", ..." : "");
  return wrong_usage(fmt::format("no {} has the id or the name \"{}\"", what, wanted),
                     did_you_mean(wanted, all, listed, "\"", "\""));
}

}  // namespace

std::string to_json(const Contexts& contexts) {
  std::string json = fmt::format(
      "{{\n \"version\": 1,\n \"current_environment\": {},\n \"current_context\": {},\n "
      "\"environments\": [",
      json_text(contexts.current_environment), json_text(contexts.current_context));
  for (const Environment& environment : contexts.environments)
    json += fmt::format("{}\n  {{\"id\": {}, \"name\": {}}}",
                        &environment == contexts.environments.data() ? "" : ",",
                        json_text(environment.id), json_text(environment.name));
  json += "],\n \"contexts\": [";
  for (const Context& context : contexts.contexts) {
    json += &context == contexts.contexts.data() ? "\n  {" : ",\n  {";
    for (const auto& [name, member] : kContextTexts)
      json += fmt::format("\"{}\": {}, ", name, json_text(context.*member));
    json += fmt::format("\"process\": {}, \"keys\": [", context.process);
    for (const ApiKey& key : context.keys) {
      json += &key == context.keys.data() ? "\n   {" : ",\n   {";
      for (const auto& [name, member] : kKeyTexts)
        json += fmt::format("{}\"{}\": {}", name == kKeyTexts[0].name ? "" : ", ", name,
                            json_text(key.*member));
      json += '}';
    }
    json += "]}";
  }
  return json + "]\n}\n";
}

Result<Contexts> parse_contexts(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto error = parser.parse(json.data(), json.size()).get(root))
    return damaged(simdjson::error_message(error));
  Contexts contexts;
  contexts.current_environment = text_of(root, "current_environment");
  contexts.current_context = text_of(root, "current_context");
  for (const auto element : elements_of(root, "environments"))
    contexts.environments.push_back({text_of(element, "id"), text_of(element, "name")});
  for (const auto element : elements_of(root, "contexts")) {
    Context& context = contexts.contexts.emplace_back();
    for (const auto& [name, member] : kContextTexts) context.*member = text_of(element, name);
    int64_t process = 0;
    if (!element["process"].get(process)) context.process = process;
    for (const auto one : elements_of(element, "keys")) {
      ApiKey& key = context.keys.emplace_back();
      for (const auto& [name, member] : kKeyTexts) key.*member = text_of(one, name);
    }
    if (context.id.empty() || context.kafka.empty())
      return damaged("a context has no id or no address");
  }
  return contexts;
}

Result<Contexts> Contexts::load() {
  const std::string path = TRY(user_folder(UserFolder::Config)).append(kFile);
  std::ifstream file(path);
  if (!file && errno == ENOENT) return Contexts();
  std::stringstream text;
  if (!file || !(text << file.rdbuf()))
    return Error{ErrorCode::StorageFailure,
                 fmt::format("cannot read {}: {}", path, std::strerror(errno))};
  Result<Contexts> contexts = parse_contexts(text.str());
  if (!contexts)
    return Error{contexts.error().code,
                 fmt::format("{}: {}", path, contexts.error().message),
                 {},
                 "Mend the file, or remove it and log in again."};
  return contexts;
}

Status Contexts::save() const {
  return write_private_file(TRY(make_user_folder(UserFolder::Config)).append(kFile),
                            to_json(*this));
}

Result<Context*> Contexts::find(std::string_view wanted) {
  return find_in(contexts, wanted, "cluster",
                 "No server has a name yet. \"millrace context create NAME\" starts one.");
}

Result<Environment*> Contexts::find_environment(std::string_view wanted) {
  return find_in(environments, wanted, "environment",
                 "No environment exists yet. \"millrace confluent environment create NAME\" "
                 "makes one.");
}

Result<Context*> Contexts::chosen(std::string_view wanted) {
  if (!wanted.empty()) return find(wanted);
  if (!current_context.empty()) return find(current_context);
  return Error{ErrorCode::InvalidParameter,
               "no cluster is chosen",
               {},
               "Choose one with \"confluent kafka cluster use ID\", or make one with \"confluent "
               "kafka cluster create NAME\"."};
}

Properties kafka_properties(const Context& context, const ApiKey* key) {
  Properties properties;
  const std::string& user = key ? key->key : context.user;
  const bool has_tls = !context.ca.empty();
  if (has_tls) properties["ssl.ca.location"] = context.ca;
  if (!user.empty()) {
    properties["sasl.mechanism"] = "SCRAM-SHA-256";
    properties["sasl.username"] = user;
    properties["sasl.password"] = key ? key->secret : context.password;
  }
  if (has_tls || !user.empty())
    properties["security.protocol"] = user.empty() ? "SSL"
                                      : has_tls    ? "SASL_SSL"
                                                   : "SASL_PLAINTEXT";
  return properties;
}

std::string random_name(RandomName kind, size_t size) {
  constexpr std::string_view kDigits = "0123456789", kLower = "abcdefghijklmnopqrstuvwxyz",
                             kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::string letters(kDigits);
  if (kind != RandomName::Key) letters += kLower;
  if (kind != RandomName::Id) letters += kUpper;
  std::string name;
  while (name.size() < size) {
    uint8_t byte = 0;
    if (getrandom(&byte, 1, 0) != 1) continue;
    // The largest values of a byte are not used, so that each letter is equally likely: 256 is not
    // a multiple of letters.size().
    if (byte < 256 / letters.size() * letters.size()) name += letters[byte % letters.size()];
  }
  return name;
}

}  // namespace client
