// Tests the schema registry's API over a registry in memory.
#include "server/http/registry/registry_pages.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/json/json_writer.h"
#include "tests/server/http/registry_api.h"

namespace server::http {
namespace {

using Api = RegistryApi;

std::string schema_body(std::string_view text, std::string_view more = "") {
  engine::JsonWriter json;
  json.text(text);
  return fmt::format(R"({{"schema":{}{}}})", json.json(), more);
}
const std::string kInt = schema_body("\"int\"");
const std::string kRecord =
    schema_body(R"({"type":"record","name":"r","fields":[{"name":"a","type":"int"}]})");
const std::string kWider = schema_body(
    R"({"type":"record","name":"r","fields":[{"name":"a","type":"int"},{"name":"b","type":"int"}]})");

TEST(RegistryPages, a_schema_is_registered_and_found_by_all_its_names) {
  Api api;
  EXPECT_EQ(api.ask("POST", "/subjects/s/versions", kInt), R"(200 {"id":1})");
  EXPECT_NE(api.head.find("content-type: application/vnd.schemaregistry.v1+json"),
            std::string::npos)
      << api.head;
  EXPECT_EQ(api.ask("POST", "/subjects/s/versions", kInt), R"(200 {"id":1})");
  EXPECT_EQ(api.ask("POST", "/subjects/s/versions", kInt,
                    "Confluent-Accept-Unknown-Properties: true\r\n"),
            R"(200 {"id":1,"version":1})");
  EXPECT_EQ(api.ask("GET", "/schemas/ids/1"), R"(200 {"schema":"\"int\""})");
  EXPECT_EQ(api.ask("GET", "/schemas/ids/1/schema"), "200 \"int\"");
  EXPECT_EQ(api.ask("GET", "/schemas/ids/1/versions"), R"(200 [{"subject":"s","version":1}])");
  EXPECT_EQ(api.ask("GET", "/schemas/ids/1/subjects"), R"(200 ["s"])");
  EXPECT_EQ(api.ask("GET", "/subjects/s/versions"), "200 [1]");
  EXPECT_EQ(api.ask("GET", "/subjects/s/versions/latest"),
            R"(200 {"subject":"s","version":1,"id":1,"schema":"\"int\""})");
  EXPECT_EQ(api.ask("GET", "/subjects/s/versions/1/schema"), "200 \"int\"");
  EXPECT_EQ(api.ask("GET", "/subjects/s/metadata"),
            R"(200 {"subject":"s","version":1,"id":1,"schema":"\"int\""})");
  EXPECT_EQ(api.ask("POST", "/subjects/s", kInt),
            R"(200 {"subject":"s","version":1,"id":1,"schema":"\"int\""})");
  EXPECT_EQ(api.ask("GET", "/subjects", "", "Accept: application/json\r\n"), R"(200 ["s"])");
  EXPECT_NE(api.head.find("content-type: application/json"), std::string::npos) << api.head;
  EXPECT_EQ(api.ask("GET", "/schemas/types"), R"(200 ["JSON","PROTOBUF","AVRO"])");
  EXPECT_EQ(api.ask("GET", "/schemas?latestOnly=true"),
            R"(200 [{"subject":"s","version":1,"id":1,"schema":"\"int\""}])");
}

TEST(RegistryPages, the_request_of_a_client_that_has_gone_is_not_carried_out) {
  RegistryApi api;
  api.holds_back = true;
  Conversation gone(registry_routes(api.view(), "c1"));
  const std::string request =
      fmt::format("POST /subjects/s/versions HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}",
                  kInt.size(), kInt);
  Loop loop;  // the loop must outlive the clients, as in a server
  {
    Conversation client(registry_routes(api.view(), "c1"), {}, 1 << 30, &loop);
    EXPECT_EQ(client.say(request), "");
    EXPECT_EQ(gone.say(request), "");
    ASSERT_EQ(api.held.size(), 2u);
  }
  api.held.front()();
  EXPECT_TRUE(api.registry.subjects().empty());
  api.held.back()();
  EXPECT_EQ(api.registry.subjects().size(), 1u);
}

TEST(RegistryPages, a_missing_thing_is_named) {
  Api api;
  EXPECT_EQ(
      api.ask("GET", "/exporters"),
      R"(501 {"error_code":501,"message":"exporting schemas to other registries is not supported yet"})");
  EXPECT_TRUE(api.ask("POST", "/dek-registry/v1/keks", "{}").starts_with("501 "));
}

TEST(RegistryPages, invalid_utf8_is_no_name) {
  Api api;
  for (const char* subject : {"%ff", "s%c3", ":.%ff:s"}) {
    const auto path = [&](std::string_view format) {
      return fmt::format(fmt::runtime(format), subject);
    };
    for (const auto& [method, where] : std::initializer_list<std::pair<const char*, std::string>>{
             {"POST", path("/subjects/{}/versions")},
             {"POST", path("/subjects/{}")},
             {"GET", path("/subjects/{}/versions")},
             {"DELETE", path("/subjects/{}")},
             {"POST", path("/compatibility/subjects/{}/versions")},
             {"PUT", path("/config/{}")},
             {"PUT", path("/mode/{}")},
             {"GET", path("/mode/{}")}})
      EXPECT_TRUE(api.ask(method, where, kInt).starts_with(R"(422 {"error_code":42208,)")) << where;
  }
  EXPECT_TRUE(api.ask("GET", "/schemas/ids/%ff").starts_with(R"(404 {"error_code":40403,)"));
  EXPECT_TRUE(
      api.ask("GET", "/subjects?subjectPrefix=%ff").starts_with(R"(400 {"error_code":400,)"));
  // A body is JSON and must be valid UTF-8, including the names in it.
  EXPECT_TRUE(api.ask("POST", "/subjects/s/versions",
                      "{\"schema\":\"\\\"int\\\"\",\"schemaType\":\"\xff\"}")
                  .starts_with(R"(400 {"error_code":400,)"));
  EXPECT_EQ(api.ask("GET", "/subjects?deleted=true"), "200 []");
}

TEST(RegistryPages, errors_have_the_numbers_and_words_that_clients_know) {
  Api api;
  api.ask("POST", "/subjects/s/versions", kRecord);
  const auto error = [](int status, int code, std::string_view message) {
    return fmt::format(R"({} {{"error_code":{},"message":"{}"}})", status, code, message);
  };
  EXPECT_EQ(api.ask("GET", "/subjects/no/versions"), error(404, 40401, "Subject 'no' not found."));
  EXPECT_EQ(api.ask("GET", "/subjects/s/versions/9"), error(404, 40402, "Version 9 not found."));
  EXPECT_EQ(api.ask("GET", "/schemas/ids/99"), error(404, 40403, "Schema 99 not found"));
  EXPECT_EQ(api.ask("POST", "/subjects/s", kInt), error(404, 40403, "Schema not found"));
  EXPECT_EQ(
      api.ask("DELETE", "/subjects/s?permanent=true"),
      error(404, 40405, "Subject 's' was not deleted first before being permanently deleted"));
  EXPECT_EQ(api.ask("GET", "/config/s"),
            error(404, 40408, "Subject 's' does not have subject-level compatibility configured"));
  EXPECT_EQ(api.ask("GET", "/mode/s"),
            error(404, 40409, "Subject 's' does not have subject-level mode configured"));
  EXPECT_EQ(api.ask("GET", "/subjects/s/versions/zero"),
            error(422, 42202,
                  R"(The specified version 'zero' is not a valid version id. Allowed values are )"
                  R"(between [1, 2^31-1] and the string \"latest\")"));
  EXPECT_EQ(api.ask("GET", "/subjects/s/versions/0").substr(0, 26),
            R"(422 {"error_code":42202,"m)");
  EXPECT_EQ(api.ask("PUT", "/config", R"({"compatibility":"SOME"})").substr(0, 24),
            R"(422 {"error_code":42203,)");
  EXPECT_EQ(api.ask("PUT", "/mode", R"({"mode":"SOME"})").substr(0, 24),
            R"(422 {"error_code":42204,)");
  EXPECT_EQ(api.ask("POST", "/subjects/s/versions", kWider).substr(0, 22),
            R"(409 {"error_code":409,)");
  EXPECT_EQ(api.ask("POST", "/subjects/s/versions", schema_body("{")).substr(0, 24),
            R"(422 {"error_code":42201,)");
  EXPECT_EQ(api.ask("POST", "/subjects/s/versions", schema_body("")),
            error(422, 42201, "Empty schema"));
  EXPECT_EQ(api.ask("POST", "/subjects/s/versions", schema_body("x", R"(,"schemaType":"THRIFT")")),
            error(422, 42201, "Invalid schema type THRIFT"));
  EXPECT_EQ(api.ask("POST", "/subjects/s/versions", "{").substr(0, 22),
            R"(400 {"error_code":400,)");
  EXPECT_EQ(api.ask("POST", "/subjects/s/versions").substr(0, 22), R"(422 {"error_code":422,)");
  EXPECT_EQ(api.ask("GET", "/nowhere").substr(0, 51),
            R"(404 {"error_code":404,"message":"HTTP 404 Not Found)");
  EXPECT_EQ(api.ask("PATCH", "/subjects").substr(0, 22), R"(405 {"error_code":405,)");
}

TEST(RegistryPages, a_first_delete_is_soft) {
  Api api;
  api.ask("POST", "/subjects/s/versions", kRecord);
  api.ask("PUT", "/config/s", R"({"compatibility":"none"})");
  api.ask("POST", "/subjects/s/versions", kWider);
  EXPECT_EQ(api.ask("DELETE", "/subjects/s/versions/1"), "200 1");
  EXPECT_EQ(api.ask("DELETE", "/subjects/s/versions/1").substr(0, 24),
            R"(404 {"error_code":40406,)");
  EXPECT_EQ(api.ask("GET", "/subjects/s/versions"), "200 [2]");
  EXPECT_EQ(api.ask("GET", "/subjects/s/versions?deleted=true"), "200 [1,2]");
  EXPECT_EQ(api.ask("GET", "/subjects/s/versions?deletedOnly=true"), "200 [1]");
  EXPECT_EQ(api.ask("DELETE", "/subjects/s/versions/1?permanent=true"), "200 1");
  EXPECT_EQ(api.ask("DELETE", "/subjects/s/versions/2?permanent=true").substr(0, 24),
            R"(404 {"error_code":40407,)");
  EXPECT_EQ(api.ask("DELETE", "/subjects/s"), "200 [2]");
  EXPECT_EQ(api.ask("DELETE", "/subjects/s").substr(0, 24), R"(404 {"error_code":40404,)");
  EXPECT_EQ(api.ask("GET", "/subjects"), "200 []");
  EXPECT_EQ(api.ask("GET", "/subjects?deleted=true"), R"(200 ["s"])");
  EXPECT_EQ(api.ask("GET", "/subjects?deletedOnly=true"), R"(200 ["s"])");
  // records still refer to the schema
  EXPECT_EQ(api.ask("GET", "/schemas/ids/2").substr(0, 3), "200");
  EXPECT_EQ(api.ask("DELETE", "/subjects/s?permanent=true"), "200 [2]");
  EXPECT_EQ(api.ask("GET", "/subjects?deleted=true"), "200 []");
}

TEST(RegistryPages, levels_and_modes_belong_to_a_subject_or_to_all) {
  Api api;
  EXPECT_EQ(api.ask("GET", "/config"), R"(200 {"compatibilityLevel":"BACKWARD"})");
  EXPECT_EQ(api.ask("PUT", "/config", R"({"compatibility":"full"})"),
            R"(200 {"compatibility":"FULL"})");
  EXPECT_EQ(api.ask("PUT", "/config/s", R"({"compatibility":"NONE"})"),
            R"(200 {"compatibility":"NONE"})");
  EXPECT_EQ(api.ask("GET", "/config/s"), R"(200 {"compatibilityLevel":"NONE"})");
  EXPECT_EQ(api.ask("GET", "/config/t?defaultToGlobal=true"),
            R"(200 {"compatibilityLevel":"FULL"})");
  EXPECT_EQ(api.ask("DELETE", "/config/s"), R"(200 {"compatibilityLevel":"NONE"})");
  EXPECT_EQ(api.ask("DELETE", "/config/s").substr(0, 24), R"(404 {"error_code":40401,)");
  EXPECT_EQ(api.registry.find_subject("s"), nullptr);  // the subject no longer exists
  EXPECT_EQ(api.ask("PUT", "/config/s", R"({"alias":"t"})").substr(0, 24),
            R"(422 {"error_code":42205,)");
  EXPECT_EQ(api.ask("PUT", "/mode/s", R"({"mode":"READONLY"})"), R"(200 {"mode":"READONLY"})");
  EXPECT_EQ(api.ask("POST", "/subjects/s/versions", kInt).substr(0, 24),
            R"(422 {"error_code":42205,)");
  EXPECT_EQ(api.ask("GET", "/mode/s"), R"(200 {"mode":"READONLY"})");
  EXPECT_EQ(api.ask("GET", "/mode"), R"(200 {"mode":"READWRITE"})");
  EXPECT_EQ(api.ask("DELETE", "/mode/s"), R"(200 {"mode":"READONLY"})");
  api.ask("POST", "/subjects/s/versions", kInt);
  EXPECT_EQ(api.ask("PUT", "/mode/s", R"({"mode":"IMPORT"})").substr(0, 24),
            R"(422 {"error_code":42205,)");
  EXPECT_EQ(api.ask("PUT", "/mode/s?force=true", R"({"mode":"IMPORT"})"),
            R"(200 {"mode":"IMPORT"})");
  EXPECT_EQ(api.ask("POST", "/subjects/s/versions", schema_body("\"long\"", R"(,"id":40)")),
            R"(200 {"id":40})");
}

TEST(RegistryPages, a_schema_is_checked_without_being_registered) {
  Api api;
  api.ask("POST", "/subjects/s/versions", kRecord);
  const std::string path = "/compatibility/subjects/s/versions";
  EXPECT_EQ(api.ask("POST", path, kRecord), R"(200 {"is_compatible":true})");
  EXPECT_EQ(api.ask("POST", path + "/latest", kWider), R"(200 {"is_compatible":false})");
  EXPECT_EQ(
      api.ask("POST", path + "/1?verbose=true", kWider).substr(0, 84),
      R"(200 {"is_compatible":false,"messages":["{errorType:'READER_FIELD_MISSING_DEFAULT_VAL)");
  EXPECT_EQ(api.ask("POST", path + "/7", kRecord).substr(0, 24), R"(404 {"error_code":40402,)");
  EXPECT_EQ(api.ask("POST", path, schema_body("{")).substr(0, 24), R"(422 {"error_code":42201,)");
  EXPECT_EQ(api.ask("POST", path + "?verbose=true", schema_body("{")).substr(0, 26),
            R"(200 {"is_compatible":false)");
  EXPECT_EQ(api.ask("POST", "/compatibility/subjects/new/versions/latest", kInt),
            R"(200 {"is_compatible":true})");
}

TEST(RegistryPages, references_protect_their_targets) {
  Api api;
  api.ask("POST", "/subjects/r/versions", kRecord);
  const std::string user =
      schema_body(R"({"type":"record","name":"u","fields":[{"name":"r","type":"r"}]})",
                  R"(,"references":[{"name":"r","subject":"r","version":-1}])");
  EXPECT_EQ(api.ask("POST", "/subjects/u/versions", user), R"(200 {"id":2})");
  EXPECT_EQ(api.ask("GET", "/schemas/ids/2").substr(0, 63),
            R"(200 {"references":[{"name":"r","subject":"r","version":1}],"sch)");
  EXPECT_EQ(api.ask("GET", "/subjects/r/versions/1/referencedby"), "200 [2]");
  EXPECT_EQ(api.ask("DELETE", "/subjects/r").substr(0, 24), R"(422 {"error_code":42206,)");
  EXPECT_EQ(api.ask("DELETE", "/subjects/r/versions/1").substr(0, 24),
            R"(422 {"error_code":42206,)");
  api.ask("DELETE", "/subjects/u");
  EXPECT_EQ(api.ask("DELETE", "/subjects/r"), "200 [1]");
  // The referring schema is only soft-deleted and can be restored, so the reference still prevents
  // the deletion.
  EXPECT_EQ(api.ask("DELETE", "/subjects/r?permanent=true").substr(0, 24),
            R"(422 {"error_code":42206,)");
}

TEST(RegistryPages, names_may_have_slashes_and_contexts) {
  Api api;
  EXPECT_EQ(api.ask("POST", "/subjects/a%2Fb%20c/versions", kInt), R"(200 {"id":1})");
  EXPECT_EQ(api.ask("GET", "/subjects"), R"(200 ["a/b c"])");
  EXPECT_EQ(api.ask("POST", "/subjects/:.:t/versions", kInt), R"(200 {"id":1})");
  api.ask("POST", "/subjects/:.blue:t/versions", kInt);
  EXPECT_EQ(api.ask("GET", "/subjects?subjectPrefix="), R"(200 ["a/b c","t"])");
  EXPECT_EQ(api.ask("GET", "/subjects?subjectPrefix=:*:t"), R"(200 [":.blue:t","t"])");
  EXPECT_EQ(api.ask("GET", "/subjects?limit=1&offset=1"), R"(200 ["a/b c"])");
  EXPECT_EQ(api.ask("GET", "/contexts"), R"(200 [".",".blue"])");
  api.ask("PUT", "/config/:.blue:", R"({"compatibility":"NONE"})");
  EXPECT_EQ(api.ask("GET", "/config/:.blue:t?defaultToGlobal=true"),
            R"(200 {"compatibilityLevel":"NONE"})");
  EXPECT_EQ(api.ask("POST", "/subjects/__GLOBAL/versions", kInt).substr(0, 24),
            R"(422 {"error_code":42208,)");
}

TEST(RegistryPages, a_subject_that_changes_meanwhile_is_compared_with_once_more) {
  Api api;
  api.ask("POST", "/subjects/s/versions", kRecord);
  api.ask("PUT", "/config/s", R"({"compatibility":"NONE"})");
  int before = api.examined;
  const auto change_level = [&](engine::Compatibility level) {
    api.interruptions.push_back(
        [&api, level] { api.registry.apply(*api.registry.set_compatibility("s", level)); });
  };
  change_level(engine::Compatibility::Full);
  EXPECT_EQ(api.ask("POST", "/subjects/s/versions", kWider).substr(0, 3), "409");
  EXPECT_EQ(api.examined - before, 2);
  // If the subject changes during each attempt, the server gives up after a few attempts.
  before = api.examined;
  for (int i = 0; i < 10; ++i)
    change_level(i % 2 == 0 ? engine::Compatibility::Forward : engine::Compatibility::Full);
  const std::string optional = schema_body(
      R"({"type":"record","name":"r","fields":[{"name":"a","type":"int"},{"name":"b","type":"int","default":1}]})");
  EXPECT_EQ(api.ask("POST", "/subjects/s/versions", optional), R"(200 {"id":2})");
  EXPECT_EQ(api.examined - before, 5);
}

TEST(RegistryPages, too_large_requests_are_refused) {
  Api api;
  api.is_busy = true;
  EXPECT_EQ(api.ask("POST", "/subjects/s/versions", kInt).substr(0, 24),
            R"(503 {"error_code":50300,)");
  api.is_busy = false;
  std::string schema(2 << 20, ' ');
  schema += "\"int\"";
  const std::string large = schema_body(schema);
  EXPECT_EQ(api.ask("POST", "/subjects/s/versions", large).substr(0, 24),
            R"(422 {"error_code":42209,)");
  EXPECT_EQ(api.ask("PUT", "/config", std::string(100'000, ' ')).substr(0, 22),
            R"(413 {"error_code":413,)");
}

TEST(RegistryPages, protobuf_comes_and_goes_in_both_its_forms) {
  Api api;
  EXPECT_EQ(api.ask("POST", "/subjects/p/versions",
                    schema_body("syntax = \"proto3\"; message M { int32 a = 1; }",
                                R"(,"schemaType":"PROTOBUF")")),
            R"(200 {"id":1})");
  const std::string serialized = api.ask("GET", "/schemas/ids/1/schema?format=serialized");
  EXPECT_EQ(serialized.find("message"), std::string::npos);
  EXPECT_EQ(api.ask("POST", "/subjects/q/versions",
                    schema_body(serialized.substr(4), R"(,"schemaType":"PROTOBUF")")),
            R"(200 {"id":1})");  // the same schema in its normal form
  EXPECT_EQ(api.ask("GET", "/subjects/q/versions/1/schema"),
            "200 syntax = \"proto3\"; message M { int32 a = 1; }");
  EXPECT_EQ(api.ask("POST", "/subjects/q?normalize=true",
                    schema_body("syntax = \"proto3\"; message M { int32 a = 1; }",
                                R"(,"schemaType":"PROTOBUF")"))
                .substr(0, 3),
            "200");
}

TEST(RegistryPages, its_own_listener_describes_itself) {
  Api api;
  EXPECT_EQ(api.ask("GET", "/"), "200 {}");
  EXPECT_EQ(api.ask("GET", "/v1/metadata/id"),
            R"(200 {"scope":{"path":[],"clusters":{"kafka-cluster":"c1",)"
            R"("schema-registry-cluster":"schema-registry"}}})");
}

}  // namespace
}  // namespace server::http
