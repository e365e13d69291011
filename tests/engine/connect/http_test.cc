// Checks the properties, templates and bodies of the connectors that use HTTP.
#include <gtest/gtest.h>

#include "engine/connect/http/http_sink_properties.h"
#include "engine/connect/http/http_template.h"
#include "engine/connect/http/webhook_records.h"

namespace engine {
namespace {

std::string filled(const std::string& text, TemplateEscape escape, const std::string& json) {
  const auto made = HttpTemplate::parse(text);
  if (!made) return made.error().message;
  const auto value = parse_json_tree(json);
  const auto result = made->fill({.topic = "a b",
                                  .partition = 2,
                                  .offset = 41,
                                  .timestamp_ms = 7,
                                  .key = "k/\"1",
                                  .value = value ? &*value : nullptr},
                                 escape);
  return result ? *result : result.error().message;
}

TEST(HttpTemplate, fields_are_escaped_for_their_place) {
  const std::string value = R"({"ID":1.50,"A":{"B":"x\"\n/é"},"N":null,"L":[1]})";
  const auto json = TemplateEscape::Json, url = TemplateEscape::Url;
  EXPECT_EQ(filled(R"({"t": "${value.A.B} ${key}", "n": ${value.ID}})", json, value),
            R"({"t": "x\"\n/é k/\"1", "n": 1.50})");
  EXPECT_EQ(filled("${value.N} ${value.X.Y} ${value.L} ${value.A}", json, value),
            R"(null null [1] {"B":"x\"\n/é"})");
  EXPECT_EQ(
      filled("http://h/${topic}/${key}?p=${partition}&o=${offset}&v=${value.A.B}&t=${timestamp}",
             url, value),
      "http://h/a%20b/k%2F%221?p=2&o=41&v=x%22%0A%2F%C3%A9&t=7");
  EXPECT_EQ(filled("a/${key}/${value.A.B}/${value.ID}", TemplateEscape::None, value),
            "a/k/\"1/x\"\n/é/1.50");
  EXPECT_EQ(filled("${value}", json, "{}"), "{}");
  EXPECT_EQ(filled("${value.A}", json, "no json"), "the value is not JSON, and has no fields");
  EXPECT_EQ(filled("${keys}", json, "{}"), "${keys} is not a field of a record");
  EXPECT_EQ(filled("${key.a}", json, "{}"), "${key.a} is not a field of a record");
  EXPECT_EQ(filled("${value.}", json, "{}"), "${value.} is not a field of a record");
  EXPECT_EQ(filled("a ${key", json, "{}"), "a field ${ has no end }");
  EXPECT_EQ(filled("$ {} $}", json, "{}"), "$ {} $}");
}

TEST(HttpSinkProperties, ranges_of_statuses) {
  EXPECT_EQ(parse_status_ranges("408,500-"), (std::vector<StatusRange>{{408, 408}, {500, 999}}));
  EXPECT_EQ(parse_status_ranges("500-503"), (std::vector<StatusRange>{{500, 503}}));
  EXPECT_EQ(parse_status_ranges(""), std::vector<StatusRange>());
  for (const char* wrong : {"x", "99", "500-400", "500-1000", "4 00", "400--1", "400,,500"})
    EXPECT_EQ(parse_status_ranges(wrong), std::nullopt) << wrong;
}

// Returns the first wrong property, or the headers of the sink.
std::string read(ConnectorProperties config, const char* class_name = "http") {
  config.emplace("topics", "t");
  const ConnectorClass* of = find_connector_class(class_name, ConnectorType::Sink);
  const PropertyValues values(http_sink_rows(*of), std::move(config));
  const HttpSinkResult result = read_http_sink(*of, values);
  if (!result.wrong.empty()) return result.wrong[0].message;
  std::string headers;
  for (const auto& [name, value] : result.sink.headers) headers += name + "=" + value + ";";
  return headers;
}

TEST(HttpSinkProperties, the_host_and_the_headers_are_checked) {
  EXPECT_EQ(read({{"http.api.url", "https://h:1/x"}}), "Content-Type=application/json;");
  EXPECT_EQ(read({{"http.api.url", "http://h/${key}"}, {"headers", "A: 1|content-type:text/csv"}}),
            "A=1;content-type=text/csv;");
  EXPECT_EQ(read({{"http.api.url", "http://h"}, {"auth.type", "bearer"}, {"bearer.token", "s"}}),
            "Authorization=Bearer s;Content-Type=application/json;");
  // A record must not choose the host that gets the secrets.
  for (const char* url : {"http://h${key}/", "http://${topic}.example.org/", "ftp://h", "http://",
                          "h/x", "${value.URL}"})
    EXPECT_EQ(read({{"http.api.url", url}}).find("property \"http.api.url\" begins with"), 0U)
        << url;
  EXPECT_EQ(read({{"http.api.url", "http://u:secret@h/"}}),
            "property \"http.api.url\" must not contain a user");
  const std::string list = "property \"headers\" is a list of headers Name:value";
  EXPECT_EQ(read({{"http.api.url", "http://h"}, {"headers", "A b:1"}}), list);
  EXPECT_EQ(read({{"http.api.url", "http://h"}, {"headers", "A:1\r\nB:2"}}), list);
  EXPECT_EQ(read({{"http.api.url", "http://h/${key}"}, {"batch.max.size", "2"}})
                .find("property \"batch.max.size\" is 1"),
            0U);
  EXPECT_EQ(read({{"http.url", "http://h"},
                  {"http.authorization.type", "static"},
                  {"http.headers.authorization", "Bearer s"}},
                 "io.aiven.kafka.connect.http.HttpSinkConnector"),
            "Authorization=Bearer s;Content-Type=application/json;");
  EXPECT_EQ(read({{"http.api.url", "http://h"}, {"regex.patterns", "a"}},
                 "io.confluent.connect.http.HttpSinkConnector"),
            "property \"regex.patterns\" is not supported: CREATE STREAM ... AS SELECT changes the "
            "values");
}

std::string records_of(const WebhookSource& source, const char* type, std::string_view body) {
  const auto records = webhook_records(source, type, body);
  if (!records) return records.error().message;
  std::string text;
  for (const WebhookRecord& record : *records)
    text += record.key.value_or("-") + " " + record.value + "\n";
  return text;
}

TEST(WebhookRecords, the_content_type_decides_about_the_form) {
  const WebhookSource keys{.key_pointer = "/a/1~1b"};
  EXPECT_EQ(records_of(keys, "application/json", R"({"a":{"1/b":7}})"), "7 {\"a\":{\"1/b\":7}}\n");
  EXPECT_EQ(records_of({}, "application/json; charset=utf-8", "[{\"a\": 1}, 2]"),
            "- {\"a\":1}\n- 2\n");
  EXPECT_EQ(records_of({.key_pointer = "/0"}, "application/x-ndjson", "[1,2]\r\n\n[\"x\"]\n"),
            "1 [1,2]\nx [\"x\"]\n");
  EXPECT_EQ(records_of({.key_pointer = "/id"}, "application/x-www-form-urlencoded",
                       "id=a%2Fb&text=x+y%zz&&e"),
            "a/b {\"id\":\"a/b\",\"text\":\"x y%zz\",\"e\":\"\"}\n");
  EXPECT_EQ(records_of({.format = WebhookFormat::Text}, "", "no json"), "- no json\n");
  EXPECT_EQ(records_of({}, "application/x-www-form-urlencoded", "a=%ff"), "the form is not UTF-8");
  EXPECT_NE(records_of({}, "application/x-ndjson", "{}\n{").find("line 2: "), std::string::npos);
  std::string many = "[1";
  for (int i = 0; i < 10'000; ++i) many += ",1";
  EXPECT_EQ(records_of({}, "", many + "]"), "a request has more than 10000 records");
}

}  // namespace
}  // namespace engine
