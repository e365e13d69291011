#include "engine/registry/registry.h"

#include <fmt/format.h>

#include "engine/formats/schema/schema_bundle.h"
#include "engine/registry/registrar.h"

namespace engine {
namespace {

RegisteredSchema avro(std::string text) {
  return {.kind = SchemaKind::Avro, .text = std::move(text)};
}
RegisteredSchema record(const std::string& fields) {
  return avro(R"({"type":"record","name":"r","fields":[)" + fields + "]}");
}
const std::string kA = R"({"name":"a","type":"int"})";
const std::string kOptionalB = R"({"name":"b","type":["null","int"],"default":null})";
const std::string kB = R"({"name":"b","type":"int"})";

// Registers a schema. Returns its id, or the error's number, negated, if the schema is refused.
int add(SchemaRegistry& registry, std::string_view subject, RegisteredSchema schema) {
  auto done = registry.register_schema(subject, std::move(schema));
  if (!done) return -done.error().code;
  registry.apply(done->changes);
  return done->id;
}

TEST(Registry, the_same_schema_has_the_same_id_everywhere) {
  SchemaRegistry registry;
  EXPECT_EQ(add(registry, "s", avro("\"int\"")), 1);
  EXPECT_EQ(add(registry, "s", avro(" \"int\" ")), 1);
  EXPECT_EQ(add(registry, "t", avro("int")), 1);
  EXPECT_EQ(add(registry, "t", avro("\"long\"")), 2);
  EXPECT_EQ(*registry.versions("t"), (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(registry.latest("t")->id, 2);
  EXPECT_EQ(registry.uses_of(1).size(), 2u);
  EXPECT_EQ(registry.look_up("s", avro("{\"type\": \"int\"}"))->version, 1);
  EXPECT_EQ(registry.look_up("s", avro("{\"type\": \"int\", \"a\": 1}")).error().code, 40403);
  EXPECT_EQ(registry.look_up("s", avro("\"int\""))->version, 1);
}

// A client that normalizes finds the schema of a client that does not.
TEST(Registry, a_protobuf_schema_registered_as_written_is_found_by_its_normal_form) {
  const auto part = [](std::string_view fields) {
    return RegisteredSchema{
        .kind = SchemaKind::Protobuf,
        .text = fmt::format("syntax = \"proto3\"; message Part {{ {} }}", fields)};
  };
  const std::string sorted = "string label = 1; int32 size = 2;",
                    other = "int32 size = 2; string label = 1;";
  SchemaRegistry registry;
  const auto add_normal = [&](std::string_view subject, const RegisteredSchema& schema) {
    auto done = registry.register_schema(subject, schema, Form::Normal);
    if (!done) return -done.error().code;
    registry.apply(done->changes);
    return done->id;
  };
  EXPECT_EQ(add(registry, "a", part(sorted)), 1);
  EXPECT_EQ(add(registry, "b", part(other)), 2);
  EXPECT_EQ(add_normal("c", part(other)), 1);
  EXPECT_EQ(registry.latest("c")->schema->text, part(sorted).text);
  EXPECT_EQ(registry.look_up("a", part(other), false, Form::Normal)->id, 1);
  EXPECT_EQ(registry.look_up("a", part(other), false, Form::AsGiven).error().code, 40403);
  EXPECT_EQ(add_normal("d", part("string label = 1;")), 3);
}

TEST(Registry, each_missing_thing_has_its_error_code) {
  const SchemaRegistry registry;
  EXPECT_EQ(registry.versions("s").error().code, 40401);
  EXPECT_EQ(registry.versions("s").error().message, "Subject 's' not found.");
  EXPECT_EQ(registry.versions("s").error().status(), 404);
  EXPECT_EQ(registry.find_schema(1), nullptr);
  EXPECT_EQ(registry.delete_subject("s", false).error().code, 40401);
  EXPECT_EQ(registry.register_schema("s", avro("{")).error().code, 42201);
  EXPECT_EQ(registry.register_schema("", avro("\"int\"")).error().code, 42208);
}

// The registry opens no URLs, so no reader could use a schema that refers to one.
TEST(Registry, a_json_schema_that_refers_to_a_url_is_refused) {
  const auto json = [](std::string text) {
    return RegisteredSchema{.kind = SchemaKind::Json, .text = std::move(text)};
  };
  SchemaRegistry registry;
  for (const char* url : {"http://example.invalid/a.json", "https://example.invalid/a.json#/b",
                          "file:///etc/passwd", "urn:a:b"}) {
    const std::string reference = fmt::format(R"({{"$ref":"{}"}})", url);
    for (const std::string& schema :
         {reference, R"({"type":"object","properties":{"a":)" + reference + "}}",
          R"({"anyOf":[{"type":"null"},)" + reference + "]}"}) {
      const auto refused = registry.register_schema("s", json(schema));
      ASSERT_FALSE(refused) << schema;
      EXPECT_EQ(refused.error().code, 42201);
      EXPECT_NE(refused.error().message.find(url), std::string::npos) << refused.error().message;
    }
  }
  EXPECT_GT(add(registry, "own",
                json(R"({"$id":"http://me.invalid/a","$ref":"http://me.invalid/a#/b"})")),
            0);
  EXPECT_GT(add(registry, "meta", json(R"({"$ref":"http://json-schema.org/draft-07/schema#"})")),
            0);
  EXPECT_GT(add(registry, "data", json(R"({"const":{"$ref":"http://example.invalid/a"}})")), 0);
  EXPECT_GT(add(registry, "part", json(R"({"type":"string"})")), 0);
  RegisteredSchema whole = json(R"({"$ref":"http://example.invalid/part.json"})");
  whole.references = {{"http://example.invalid/part.json", "part", 1}};
  EXPECT_GT(add(registry, "whole", std::move(whole)), 0);
}

TEST(Registry, an_incompatible_schema_is_refused_unless_the_level_allows_it) {
  SchemaRegistry registry;
  EXPECT_EQ(add(registry, "s", record(kA)), 1);
  EXPECT_EQ(add(registry, "s", record(kA + "," + kB)), -409);
  EXPECT_EQ(add(registry, "s", record(kA + "," + kOptionalB)), 2);
  const auto refused =
      registry.register_schema("s", record(kA + "," + R"({"name":"c","type":"int"})"));
  EXPECT_TRUE(refused.error().message.starts_with(
      "Schema being registered is incompatible with an earlier schema for subject \"s\", details: "
      "[{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'at path /fields/1', "
      "additionalInfo:'c'}, {oldSchemaVersion: 2}"));
  registry.apply(*registry.set_compatibility("s", Compatibility::None));
  EXPECT_EQ(add(registry, "s", record(kA + "," + kB)), 3);
  registry.apply(*registry.set_compatibility("s", std::nullopt));
  EXPECT_EQ(registry.compatibility_of("s"), Compatibility::Backward);
  registry.apply(*registry.set_compatibility("", Compatibility::Full));
  EXPECT_EQ(registry.compatibility_of("s"), Compatibility::Full);
}

TEST(Registry, transitive_levels_ask_all_versions) {
  SchemaRegistry registry;
  registry.apply(*registry.set_compatibility("s", Compatibility::None));
  add(registry, "s", record(R"({"name":"a","type":"string"})"));
  add(registry, "s", record(kA));
  registry.apply(*registry.set_compatibility("s", Compatibility::Backward));
  EXPECT_TRUE(registry.incompatibilities("s", record(kA + "," + kOptionalB))->empty());
  registry.apply(*registry.set_compatibility("s", Compatibility::BackwardTransitive));
  EXPECT_FALSE(registry.incompatibilities("s", record(kA + "," + kOptionalB))->empty());
  EXPECT_TRUE(registry.incompatibilities("s", record(kA + "," + kOptionalB), 2)->empty());
  EXPECT_EQ(registry.incompatibilities("s", record(kA), 9).error().code, 40402);
}

TEST(Registry, softly_deleted_versions_can_return_and_their_numbers_are_not_reused) {
  SchemaRegistry registry;
  add(registry, "s", avro("\"int\""));
  EXPECT_EQ(registry.delete_subject("s", true).error().code, 40405);
  registry.apply(registry.delete_subject("s", false)->changes);
  EXPECT_TRUE(registry.subjects().empty());
  EXPECT_EQ(registry.subjects(true), std::vector<std::string>{"s"});
  EXPECT_EQ(registry.delete_subject("s", false).error().code, 40404);
  EXPECT_NE(registry.find_schema(1), nullptr);  // records still refer to the schema
  EXPECT_EQ(add(registry, "s", avro("\"int\"")), 1);
  EXPECT_EQ(registry.latest("s")->version, 2);
  EXPECT_EQ(registry.delete_version("s", 2, true).error().code, 40407);
  registry.apply(registry.delete_version("s", 2, false)->changes);
  registry.apply(registry.delete_version("s", 2, true)->changes);
  registry.apply(registry.delete_subject("s", true)->changes);
  EXPECT_EQ(registry.find_subject("s"), nullptr);
}

TEST(Registry, references_are_resolved_and_protect_their_targets) {
  SchemaRegistry registry;
  add(registry, "point",
      avro(R"({"type":"record","name":"p.Point","fields":[{"name":"x","type":"int"}]})"));
  RegisteredSchema line = record(R"({"name":"a","type":"p.Point"})");
  EXPECT_EQ(registry.register_schema("line", line).error().code, 42201);
  line.references = {{"p.Point", "point", 1}};
  EXPECT_EQ(add(registry, "line", line), 2);
  EXPECT_EQ(registry.find_schema(2)->references.size(), 1u);
  EXPECT_EQ(registry.referenced_by("point", 1), std::vector<int32_t>{2});
  EXPECT_EQ(registry.delete_subject("point", false).error().code, 42206);
  line.references[0].version = 7;
  EXPECT_EQ(registry.register_schema("line", line).error().code, 42201);
}

TEST(Registry, references_lie_a_hundred_levels_deep_and_no_deeper) {
  SchemaRegistry registry;
  const auto link = [](int level) {
    RegisteredSchema schema = avro(
        fmt::format(R"({{"type":"record","name":"r{}","fields":[{{"name":"a","type":"{}"}}]}})",
                    level, level == 0 ? "int" : fmt::format("r{}", level - 1)));
    if (level > 0)
      schema.references.push_back(
          {fmt::format("r{}", level - 1), fmt::format("s{}", level - 1), 1});
    return schema;
  };
  for (int level = 0; level <= 100; ++level)
    ASSERT_EQ(add(registry, fmt::format("s{}", level), link(level)), level + 1);
  EXPECT_EQ(registry.find_schema(101)->references.size(), 100u);
  const auto deeper = registry.register_schema("s101", link(101));
  ASSERT_FALSE(deeper);
  EXPECT_EQ(deeper.error().code, 42201);
  EXPECT_EQ(deeper.error().message, "Invalid schema: its references lie more than 100 levels deep");
}

TEST(Registry, two_hundred_references_are_the_limit_with_indirect_ones) {
  SchemaRegistry registry;
  RegisteredSchema all = avro("\"int\"");
  for (int i = 0; i < 200; ++i) {
    const std::string name = fmt::format("r{}", i);
    add(registry, name, avro(fmt::format(R"({{"type":"record","name":"{}","fields":[]}})", name)));
    all.references.push_back({name, name, 1});
  }
  EXPECT_GT(add(registry, "all", all), 0);
  RegisteredSchema one_more = avro("\"long\"");
  one_more.references = {{"all", "all", 1}};
  EXPECT_EQ(add(registry, "one_more", one_more), -42201);
}

TEST(Registry, a_check_ends_when_it_is_too_much_work_or_its_client_has_gone) {
  SchemaRegistry registry;
  std::string symbols;
  for (int i = 0; i < 5000; ++i) symbols += fmt::format("{}\"s{}\"", i == 0 ? "" : ",", i);
  const RegisteredSchema words{.kind = SchemaKind::Json, .text = "{\"enum\":[" + symbols + "]}"};
  const RegisteredSchema more{.kind = SchemaKind::Json,
                              .text = "{\"enum\":[\"first\"," + symbols + "]}"};
  add(registry, "s", words);
  EXPECT_TRUE(registry.incompatibilities("s", more)->empty());
  const auto hasty = registry.incompatibilities("s", more, {}, Form::AsGiven, {.steps = 1'000'000});
  ASSERT_FALSE(hasty);
  EXPECT_EQ(hasty.error().code, 42201);
  EXPECT_TRUE(hasty.error().message.starts_with(
      "Schemas of subject s are too large to be compared with its last version"));
  std::atomic<bool> is_unwanted = true;
  EXPECT_FALSE(registry.examine("s", more, Form::AsGiven, {.is_unwanted = &is_unwanted}));
  is_unwanted = false;
  EXPECT_TRUE(registry.examine("s", more, Form::AsGiven, {.is_unwanted = &is_unwanted}));
}

TEST(Registry, subjects_are_utf8) {
  SchemaRegistry registry;
  EXPECT_EQ(add(registry, "gr\u00fcn", avro("\"int\"")), 1);
  for (const std::string_view name : {"\xff", ":.\xff:s", "s\xc3"}) {
    EXPECT_EQ(add(registry, name, avro("\"int\"")), -42208);
    EXPECT_EQ(registry.set_compatibility(name, Compatibility::Full).error().code, 42208);
    EXPECT_EQ(registry.set_mode(name, RegistryMode::ReadOnly).error().code, 42208);
  }
}

TEST(Registry, modes_decide_about_writes) {
  SchemaRegistry registry;
  RegisteredSchema given = avro("\"int\"");
  given.id = 50;
  EXPECT_EQ(add(registry, "s", given), -42205);
  registry.apply(*registry.set_mode("s", RegistryMode::Import));
  EXPECT_EQ(add(registry, "s", given), 50);
  given.text = "\"long\"";
  EXPECT_EQ(add(registry, "s", given), -42207);
  EXPECT_EQ(add(registry, "t", avro("\"long\"")), 51);
  registry.apply(*registry.set_mode("", RegistryMode::ReadOnly));
  EXPECT_EQ(add(registry, "t", avro("\"string\"")), -42205);
}

TEST(Registry, no_id_is_given_twice_when_they_are_used_up) {
  SchemaRegistry registry;
  registry.apply(*registry.set_mode("s", RegistryMode::Import));
  RegisteredSchema given = avro("\"int\"");
  given.id = INT32_MAX;
  EXPECT_EQ(add(registry, "s", given), -42205);  // no id would be left for a later schema
  given.id = INT32_MAX - 1;
  EXPECT_EQ(add(registry, "s", given), INT32_MAX - 1);
  EXPECT_EQ(add(registry, "t", avro("\"long\"")), -42205);
  // the schema has been registered already
  EXPECT_EQ(add(registry, "t", avro("\"int\"")), INT32_MAX - 1);
}

TEST(Registry, its_changes_make_it_again) {
  SchemaRegistry registry;
  add(registry, "s", record(kA));
  add(registry, "s", record(kA + "," + kOptionalB));
  registry.apply(*registry.set_compatibility("s", Compatibility::Forward));
  registry.apply(registry.delete_version("s", 1, false)->changes);
  SchemaRegistry again;
  again.apply(registry.snapshot());
  EXPECT_EQ(*again.versions("s"), std::vector<int32_t>{2});
  EXPECT_EQ(*again.versions("s", true), (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(again.compatibility_of("s"), Compatibility::Forward);
  EXPECT_EQ(add(again, "t", avro("\"int\"")), 3);
}

TEST(SchemaRegistry, metadata_and_rules_are_part_of_a_schema) {
  SchemaRegistry registry;
  EXPECT_EQ(add(registry, "s", avro("\"int\"")), 1);
  RegisteredSchema owned = avro("\"int\"");
  owned.metadata = R"({"properties":{"owner":"ann"}})";
  EXPECT_EQ(add(registry, "s", owned), 2);
  EXPECT_EQ(add(registry, "s", owned), 2);
  // A schema without metadata inherits the metadata of the newest version.
  EXPECT_EQ(add(registry, "s", avro("\"int\"")), 2);
  RegisteredSchema ruled;  // a schema without a text inherits the newest text
  ruled.rule_set = R"({"domainRules":[]})";
  EXPECT_EQ(add(registry, "s", ruled), 3);
  EXPECT_EQ(registry.latest("s")->schema->text, "\"int\"");
  EXPECT_EQ(registry.latest("s")->schema->metadata, owned.metadata);
  RegisteredSchema neither = avro("\"int\"");
  neither.metadata = neither.rule_set = "{}";
  EXPECT_EQ(add(registry, "s", neither), 4);
  EXPECT_EQ(add(registry, "other", owned), 2);  // the same schema has the same id in every subject
  EXPECT_EQ(registry.look_up("s", avro("\"int\""))->version, 1);
  SchemaRegistry again;
  again.apply(registry.snapshot());
  EXPECT_EQ(again.look_up("s", owned)->id, 2);
}

TEST(Registrar, columns_become_schemas_and_schemas_columns) {
  Registrar registrar{SchemaRegistry()};
  const std::vector<ColumnDef> columns = {{"A", TypeKind::Integer}, {"B", TypeKind::String}};
  const auto spec =
      registrar.with_schema({.name = "AVRO"}, "t", columns, Side::Value, Registrar::Write::Sink);
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->schema_id, 1);
  EXPECT_EQ(registrar.registry().latest("t-value")->id, 1);
  EXPECT_EQ(*registrar.infer({.name = "AVRO"}, "t", Side::Value), columns);
  EXPECT_EQ(registrar.take_changes().size(), 2u);
  const auto missing = registrar.infer({.name = "AVRO"}, "other", Side::Value);
  EXPECT_EQ(missing.error().message,
            "Schema for message values on topic 'other' does not exist in the Schema Registry.");
  // A stream over some of the fields registers no schema, and writes with the existing one.
  const auto part = registrar.with_schema({.name = "AVRO"}, "t", {columns.data(), 1}, Side::Value,
                                          Registrar::Write::Source);
  EXPECT_EQ(part->schema_id, 1);
  EXPECT_TRUE(registrar.take_changes().empty());
  const std::vector<ColumnDef> others = {{"A", TypeKind::String}};
  EXPECT_FALSE(
      registrar.with_schema({.name = "AVRO"}, "t", others, Side::Value, Registrar::Write::Sink));
}

TEST(Registrar, a_schemas_references_are_registered_with_it) {
  SchemaRegistry registry;
  add(registry, "place",
      avro(R"({"type":"record","name":"p.Place","fields":[)"
           R"({"name":"LAT","type":"double"}]})"));
  RegisteredSchema event = avro(R"({"type":"record","name":"p.Event","fields":[)"
                                R"({"name":"AT","type":"p.Place"}]})");
  event.references.push_back({"p.Place", "place", 1});
  const int id = add(registry, "t-value", event);
  ASSERT_GT(id, 0);
  Registrar registrar{registry};
  const FormatSpec given{.name = "AVRO", .schema_id = id};
  const auto columns = registrar.infer(given, "t", Side::Value);
  ASSERT_TRUE(columns) << columns.error().message;
  const auto spec =
      registrar.with_schema(given, "t", *columns, Side::Value, Registrar::Write::Source);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_TRUE(make_writer(*spec, *columns, Side::Value));
  const auto schema = unbundle_schema(SchemaKind::Avro, spec->schema);
  ASSERT_TRUE(schema);
  EXPECT_EQ(*schema, *registry.find_schema(id));
  EXPECT_FALSE(unbundle_schema(SchemaKind::Avro, "with references: {}"));
}

// The statement is planned again after each answer of the external registry, until no request is
// left.
TEST(Registrar, a_registry_elsewhere_is_asked_first) {
  const std::vector<ColumnDef> columns = {{"A", TypeKind::Integer}, {"B", TypeKind::String}};
  using Kind = SchemaQuestion::Kind;
  Registrar first{OutsideSchemas()};
  EXPECT_FALSE(first.infer({.name = "AVRO"}, "t", Side::Value));
  ASSERT_EQ(first.questions().size(), 1u);
  EXPECT_EQ(first.questions()[0].kind, Kind::Latest);
  EXPECT_EQ(first.questions()[0].subject, "t-value");
  EXPECT_TRUE(first.questions()[0].is_read());

  OutsideSchemas known;
  known.latest["t-value"] = std::nullopt;
  Registrar second{known};
  EXPECT_EQ(second.infer({.name = "AVRO"}, "t", Side::Value).error().message,
            "Schema for message values on topic 't' does not exist in the Schema Registry.");
  EXPECT_TRUE(second.questions().empty());
  ASSERT_TRUE(
      second.with_schema({.name = "AVRO"}, "t", columns, Side::Value, Registrar::Write::Source));
  ASSERT_EQ(second.questions().size(), 1u);
  const SchemaQuestion& question = second.questions()[0];
  EXPECT_EQ(question.kind, Kind::Register);
  EXPECT_FALSE(question.is_read());

  known.registered[OutsideSchemas::registration_key("t-value", question.schema)] = 77;
  Registrar third{known};
  const auto spec =
      third.with_schema({.name = "AVRO"}, "t", columns, Side::Value, Registrar::Write::Source);
  EXPECT_EQ(spec->schema_id, 77);
  EXPECT_TRUE(third.questions().empty());
  EXPECT_TRUE(third.take_changes().empty());

  // A known schema need not be requested, and may have more fields than the columns.
  known.latest["t-value"] = OutsideSchemas::Latest{
      78, std::make_shared<const SchemaText>(SchemaText{
              SchemaKind::Avro, R"({"type":"record","name":"R","fields":[)"
                                R"({"name":"A","type":["null","int"],"default":null},)"
                                R"({"name":"C","type":["null","int"],"default":null}]})"})};
  Registrar fourth{known};
  EXPECT_EQ(fourth.infer({.name = "AVRO"}, "t", Side::Value)->size(), 2u);
  const auto part = fourth.with_schema({.name = "AVRO"}, "t", {columns.data(), 1}, Side::Value,
                                       Registrar::Write::Source);
  EXPECT_EQ(part->schema_id, 78);
  EXPECT_FALSE(part->schema.empty());
  fourth.drop_subject("t", Side::Value);
  ASSERT_EQ(fourth.questions().size(), 1u);
  EXPECT_EQ(fourth.questions()[0].kind, Kind::Delete);
  const auto by_id = fourth.infer({.name = "AVRO", .schema_id = 5}, "t", Side::Value);
  EXPECT_FALSE(by_id);
  EXPECT_EQ(fourth.questions()[1].id, 5);
}

TEST(Registrar, subjects_go_with_their_topic) {
  Registrar registrar{SchemaRegistry()};
  const std::vector<ColumnDef> columns = {{"A", TypeKind::Integer}};
  ASSERT_TRUE(
      registrar.with_schema({.name = "AVRO"}, "t", columns, Side::Value, Registrar::Write::Sink));
  registrar.take_changes();
  registrar.drop_subject("t", Side::Value);
  registrar.drop_subject("t", Side::Key);  // the subject does not exist
  EXPECT_TRUE(registrar.registry().subjects().empty());
  EXPECT_EQ(registrar.take_changes().size(), 1u);
}

}  // namespace
}  // namespace engine
