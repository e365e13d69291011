// Cases of the query-translation format, parsed and with their templates filled in. The
// fields have the names of the members in that format.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/catalog/catalog.h"
#include "engine/formats/schema/schema_text.h"
#include "engine/testing/case_json.h"

namespace engine {

struct CaseWindow {
  int64_t start_ms = 0, end_ms = 0;
  bool is_session = false;
};

struct CaseHeader {
  std::string key;
  std::optional<std::string> value;  // the bytes, decoded from base64
  bool operator==(const CaseHeader&) const = default;
};

// One input record or expected record.
struct CaseRecord {
  std::string topic;
  CaseJson key, value;
  std::optional<int64_t> timestamp;
  std::optional<CaseWindow> window;
  std::vector<CaseHeader> headers;
};

// A schema in a schema registry, for one side of a topic.
struct CaseSchema {
  struct Reference {
    std::string name, text;
  };
  SchemaKind kind = SchemaKind::Avro;
  std::string text;
  int32_t id = 0;  // 0: the registry assigns the next free id
  std::vector<Reference> references = {};
};

struct CaseTopic {
  std::string name;
  std::optional<int> partitions = {};  // default: 1, or the number in a statement
  int replicas = 1;
  std::optional<CaseSchema> key_schema = {}, value_schema = {};
};

struct ExpectedError {
  std::string type, message;  // empty: matches anything
  std::string cause, cause_message;
};

struct TestCase {
  std::string id;    // for example FILE/name - FORMAT - property=value
  std::string file;  // file name without extension
  std::vector<std::string> statements;
  Properties properties;
  std::vector<CaseTopic> topics;
  std::vector<CaseRecord> inputs, outputs;
  std::optional<ExpectedError> expected_error;
  CaseJson post;            // null if absent
  std::string skip_reason;  // empty: the case is run

  // Returns all statements as one script, one statement per line.
  std::string script() const;
};

// Reads the cases of one file, in order. Fails with InvalidText if the file is not in the format;
// the message names the file and the case.
Result<std::vector<TestCase>> read_case_file(const std::filesystem::path& path);
// Reads the cases in a text. `stem` is the file's name without folder and extension.
Result<std::vector<TestCase>> read_cases(std::string_view text, const std::string& stem);

// Returns the files named *.json below the paths (files, or folders to search), sorted.
Result<std::vector<std::filesystem::path>> find_case_files(const std::vector<std::string>& paths);
// Returns whether the file is in the REST-query format, judged by its content or folder.
bool is_rest_query_file(const std::filesystem::path& path);

}  // namespace engine
