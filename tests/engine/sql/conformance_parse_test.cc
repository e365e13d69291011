// Every script of ksqlDB's public test cases parses, unless the case is about an error.
#include <simdjson.h>

#include <cstdlib>
#include <filesystem>

#include "tests/engine/sql/parse_helpers.h"

namespace engine {
namespace {

std::filesystem::path conformance_folder() {
  const char* given = std::getenv("MILLRACE_CONFORMANCE");
  return given ? given : CONFORMANCE_DIR;
}

struct Case {
  std::string name = {};
  std::vector<std::string> texts = {};  // each text is parsed alone
  bool expects_error = false;
  std::string error_type = {}, error_message = {};
};

// Removes the placeholders {FORMAT} and {CONFIG}, for which a test runner inserts words. The syntax
// is valid without them.
std::string without_templates(std::string text) {
  for (const std::string_view placeholder : {"{FORMAT}", "{CONFIG}"})
    for (size_t at; (at = text.find(placeholder)) != std::string::npos;)
      text.replace(at, placeholder.size(), "JSON");
  return text;
}

// The statements of a translation case are one script; the statements of a REST case are sent one
// by one.
std::vector<std::string> read_texts(simdjson::dom::element statements, bool as_one) {
  std::vector<std::string> texts;
  for (simdjson::dom::element statement : statements) {
    std::string text = without_templates(std::string(std::string_view(statement)));
    if (as_one && !texts.empty()) {
      texts.back() += "\n" + text;
    } else {
      texts.push_back(std::move(text));
    }
  }
  return texts;
}

Case read_case(const std::string& file, simdjson::dom::element entry, bool as_one) {
  Case result{.name = file + "/" + std::string(std::string_view(entry["name"]))};
  result.texts = read_texts(entry["statements"], as_one);
  for (const char* member : {"expectedException", "expectedError"}) {
    simdjson::dom::element error;
    if (entry[member].get(error) != simdjson::SUCCESS) continue;
    result.expects_error = true;
    std::string_view text;
    if (error["type"].get(text) == simdjson::SUCCESS) result.error_type = text;
    if (error["message"].get(text) == simdjson::SUCCESS) result.error_message = text;
  }
  return result;
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  simdjson::dom::parser parser;
  for (const char* folder : {"qtt", "rqtt"})
    for (const auto& file : std::filesystem::directory_iterator(conformance_folder() / folder)) {
      if (file.path().extension() != ".json") continue;
      simdjson::dom::element document = parser.load(file.path().string());
      for (simdjson::dom::element entry : document["tests"])
        cases.push_back(
            read_case(file.path().stem().string(), entry, folder == std::string_view("qtt")));
    }
  return cases;
}

// Returns the first error in the texts of a case.
std::optional<Error> first_error(const Case& test_case) {
  for (const std::string& text : test_case.texts)
    if (const auto script = parse_script(text); !script) return script.error();
  return std::nullopt;
}

bool is_meant(const Error& error, const Case& test_case) {
  return error.code == ErrorCode::NotSupported ||
         error.message.find(test_case.error_message) != std::string::npos ||
         error.ksqldb.find(test_case.error_message) != std::string::npos;
}

TEST(ConformanceParse, every_script_parses_unless_its_case_expects_that_very_error) {
  if (!std::filesystem::exists(conformance_folder()))
    GTEST_SKIP() << "no folder " << conformance_folder();
  const std::vector<Case> cases = all_cases();
  EXPECT_GT(cases.size(), 1'500u);
  for (const Case& test_case : cases) {
    const std::optional<Error> error = first_error(test_case);
    if (!error) continue;
    EXPECT_TRUE(test_case.expects_error && is_meant(*error, test_case))
        << test_case.name << "\nexpects: " << test_case.error_message
        << "\nmessage: " << error->message << "\ndetail: " << error->detail;
  }
}

TEST(ConformanceParse, expected_syntax_errors_are_found) {
  if (!std::filesystem::exists(conformance_folder()))
    GTEST_SKIP() << "no folder " << conformance_folder();
  for (const Case& test_case : all_cases()) {
    const std::string& message = test_case.error_message;
    if (!message.starts_with("line ") && message.find("Syntax") == std::string::npos) continue;
    const bool orders =
        // the engine refuses ORDER BY here
        test_case.texts.back().find("ORDER BY") != std::string::npos;
    EXPECT_TRUE(orders || first_error(test_case)) << test_case.name;
  }
}

}  // namespace
}  // namespace engine
