#include "engine/testing/test_case.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "engine/testing/test_functions.h"
#include "engine/types/text_bytes.h"

namespace engine {
namespace {

// The version of ksqlDB that is modelled. A case whose `max` is lower is about an older version and
// is skipped.
constexpr int kModelledMajorVersion = 8;

Error malformed(std::string message) { return Error{ErrorCode::InvalidText, std::move(message)}; }

Result<int64_t> read_int(const CaseJson& node, std::string_view what) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(node.text, &number))
    return malformed(fmt::format("\"{}\" is not a whole number", what));
  return number;
}

Result<std::vector<CaseHeader>> read_headers(const CaseJson& node) {
  std::vector<CaseHeader> headers;
  for (const CaseJson& item : node.items) {
    CaseHeader& header = headers.emplace_back();
    header.key = item.text_of("KEY");
    const CaseJson* value = item.find("VALUE");
    if (!value || value->is_null()) continue;
    header.value = decode_base64(value->text);
    if (!header.value) return malformed("a header's VALUE is not base64");
  }
  return headers;
}

Result<CaseRecord> read_record(const CaseJson& node) {
  CaseRecord record;
  record.topic = node.text_of("topic");
  if (record.topic.empty()) return malformed("a record has no topic");
  if (const CaseJson* key = node.find("key")) record.key = *key;
  const CaseJson* value = node.find("value");
  if (!value) return malformed("a record has no value");
  record.value = *value;
  if (const CaseJson* time = node.find("timestamp"); time && !time->is_null())
    record.timestamp = TRY(read_int(*time, "timestamp"));
  if (const CaseJson* window = node.find("window"); window && !window->is_null()) {
    record.window.emplace();
    if (const CaseJson* start = window->find("start"))
      record.window->start_ms = TRY(read_int(*start, "start"));
    if (const CaseJson* end = window->find("end"))
      record.window->end_ms = TRY(read_int(*end, "end"));
    record.window->is_session = absl::EqualsIgnoreCase(window->text_of("type"), "session");
  }
  if (const CaseJson* headers = node.find("headers")) record.headers = TRY(read_headers(*headers));
  return record;
}

// Returns the text of a schema. Protobuf's schemas are texts, all others are JSON.
std::string schema_text(const CaseJson& node, SchemaKind kind) {
  return kind == SchemaKind::Protobuf ? node.text : case_json_text(node);
}

SchemaKind schema_kind(const std::string& format) {
  if (absl::StartsWithIgnoreCase(format, "JSON")) return SchemaKind::Json;
  return absl::StartsWithIgnoreCase(format, "PROTOBUF") ? SchemaKind::Protobuf : SchemaKind::Avro;
}

// Reads the schema of the side whose members begin with `side`.
Result<std::optional<CaseSchema>> read_schema(const CaseJson& topic, const std::string& side) {
  const CaseJson* node = topic.find(side + "Schema");
  if (!node || node->is_null()) return std::optional<CaseSchema>();
  CaseSchema schema;
  schema.kind = schema_kind(topic.text_of(side + "Format"));
  schema.text = schema_text(*node, schema.kind);
  if (const CaseJson* id = topic.find(side + "SchemaId"))
    schema.id = static_cast<int32_t>(TRY(read_int(*id, side + "SchemaId")));
  if (const CaseJson* references = topic.find(side + "SchemaReferences"))
    for (const CaseJson& item : references->items)
      if (const CaseJson* text = item.find("schema"))
        schema.references.push_back(
            {item.text_of("name"), schema_text(*text, schema_kind(item.text_of("format")))});
  return std::optional(std::move(schema));
}

Result<CaseTopic> read_topic(const CaseJson& node) {
  CaseTopic topic;
  topic.name = node.text_of("name");
  if (const CaseJson* count = node.find("partitions"))
    topic.partitions = static_cast<int>(TRY(read_int(*count, "partitions")));
  if (const CaseJson* count = node.find("replicas"))
    topic.replicas = static_cast<int>(TRY(read_int(*count, "replicas")));
  topic.key_schema = TRY(read_schema(node, "key"));
  topic.value_schema = TRY(read_schema(node, "value"));
  return topic;
}

template <class T>
Status read_list(const CaseJson& node, std::string_view member, Result<T> (*read)(const CaseJson&),
                 std::vector<T>& to) {
  const CaseJson* list = node.find(member);
  if (!list) return {};
  for (const CaseJson& item : list->items) to.push_back(TRY(read(item)));
  return {};
}

std::string skip_reason(const CaseJson& node) {
  const CaseJson* enabled = node.find("enabled");
  if (enabled && enabled->kind == CaseJsonKind::Boolean && !enabled->boolean)
    return "disabled in the case file";
  const CaseJson* versions = node.find("versions");
  if (!versions) return "";
  const std::string newest = versions->text_of("max");
  int major = 0;
  const std::string first = newest.substr(0, newest.find('.'));
  if (!newest.empty() && absl::SimpleAtoi(first, &major) && major < kModelledMajorVersion)
    return "for ksqlDB up to " + newest;
  return "";
}

Result<TestCase> read_case(const CaseJson& node, const std::string& stem) {
  TestCase read;
  const std::string name = node.text_of("name");
  if (name.empty()) return malformed("a case has no name");
  read.id = stem + "/" + name;
  read.file = stem;
  const CaseJson* statements = node.find("statements");
  if (!statements) return malformed("a case has no statements");
  for (const CaseJson& statement : statements->items) read.statements.push_back(statement.text);
  if (const CaseJson* properties = node.find("properties"))
    for (const auto& [property, value] : properties->members)
      read.properties[property] =
          value.kind == CaseJsonKind::Boolean ? (value.boolean ? "true" : "false") : value.text;
  TRY(read_list(node, "topics", read_topic, read.topics));
  TRY(read_list(node, "inputs", read_record, read.inputs));
  TRY(read_list(node, "outputs", read_record, read.outputs));
  if (const CaseJson* error = node.find("expectedException"))
    read.expected_error = ExpectedError{error->text_of("type"), error->text_of("message"),
                                        error->text_of("cause"), error->text_of("causeMessage")};
  if (const CaseJson* post = node.find("post")) read.post = *post;
  read.skip_reason = skip_reason(node);
  const std::string function = find_test_only_function(read.script());
  if (read.skip_reason.empty() && !function.empty())
    read.skip_reason = "test-only function " + function;
  return read;
}

std::vector<TestCase> expand_formats(const CaseJson& node, TestCase read) {
  const CaseJson* formats = node.find("format");
  if (!formats || formats->items.empty()) return {std::move(read)};
  std::vector<TestCase> expanded;
  for (const CaseJson& format : formats->items) {
    TestCase& one = expanded.emplace_back(read);
    one.id += " - " + format.text;
    for (std::string& statement : one.statements)
      statement = absl::StrReplaceAll(statement, {{"{FORMAT}", format.text}});
  }
  return expanded;
}

std::vector<TestCase> expand_config(const CaseJson& node, std::vector<TestCase> cases) {
  const CaseJson* config = node.find("config");
  if (!config || config->items.empty()) return cases;
  std::vector<TestCase> expanded;
  for (const TestCase& one : cases) {
    for (const CaseJson& value : config->items) {
      TestCase& copy = expanded.emplace_back(one);
      for (auto& [property, text] : copy.properties) {
        if (text != "{CONFIG}") continue;
        text = value.text;
        copy.id += " - " + property + "=" + text;
      }
    }
  }
  return expanded;
}

}  // namespace

std::string TestCase::script() const { return absl::StrJoin(statements, "\n"); }

Result<std::vector<TestCase>> read_cases(std::string_view text, const std::string& stem) {
  const CaseJson document = TRY(parse_case_json(text));
  const CaseJson* tests = document.find("tests");
  if (!tests) return malformed("no member \"tests\"");
  std::vector<TestCase> cases;
  for (const CaseJson& node : tests->items) {
    Result<TestCase> read = read_case(node, stem);
    if (!read) {
      Error error = read.error();
      error.message = fmt::format("case \"{}\": {}", node.text_of("name"), error.message);
      return error;
    }
    for (TestCase& one : expand_config(node, expand_formats(node, *read)))
      cases.push_back(std::move(one));
  }
  return cases;
}

Result<std::vector<TestCase>> read_case_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return Error{ErrorCode::InvalidParameter, fmt::format("cannot read \"{}\"", path.string())};
  std::ostringstream text;
  text << file.rdbuf();
  Result<std::vector<TestCase>> cases = read_cases(text.str(), path.stem().string());
  if (cases) return cases;
  Error error = cases.error();
  error.message = fmt::format("\"{}\": {}", path.string(), error.message);
  return error;
}

Result<std::vector<std::filesystem::path>> find_case_files(const std::vector<std::string>& paths) {
  namespace fs = std::filesystem;
  std::vector<fs::path> files;
  for (const std::string& path : paths) {
    std::error_code failure;
    if (fs::is_regular_file(path, failure)) {
      files.emplace_back(path);
      continue;
    }
    fs::recursive_directory_iterator entries(path, failure);
    if (failure)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("cannot read \"{}\": {}", path, failure.message())};
    for (const fs::directory_entry& entry : entries)
      if (entry.is_regular_file() && entry.path().extension() == ".json")
        files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

bool is_rest_query_file(const std::filesystem::path& path) {
  return path.parent_path().filename() == "rqtt";
}

}  // namespace engine
