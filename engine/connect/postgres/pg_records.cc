#include "engine/connect/postgres/pg_records.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/connect/state_record.h"

namespace engine {

namespace {

constexpr std::string_view kNull = "null";

// Returns a field of a schema in the form that JsonConverter writes.
std::string field(std::string_view type, std::string_view name, bool is_optional) {
  return fmt::format(R"({{"type":"{}","optional":{},"field":"{}"}})", type, is_optional, name);
}

std::string source_schema() {
  std::string fields;
  const auto add = [&](std::string text) {
    fields += (fields.empty() ? "" : ",") + std::move(text);
  };
  add(field("string", "version", false));
  add(field("string", "connector", false));
  add(field("string", "name", false));
  add(field("int64", "ts_ms", false));
  add(R"({"type":"string","optional":true,"name":"io.debezium.data.Enum","version":1,)"
      R"("parameters":{"allowed":"first,first_in_data_collection,last_in_data_collection,last,true,false,incremental"},)"
      R"("default":"false","field":"snapshot"})");
  add(field("string", "db", false));
  add(field("string", "sequence", true));
  add(field("int64", "ts_us", true));
  add(field("int64", "ts_ns", true));
  add(field("string", "schema", false));
  add(field("string", "table", false));
  add(field("int64", "txId", true));
  add(field("int64", "lsn", true));
  add(field("int64", "xmin", true));
  return fmt::format(
      R"({{"type":"struct","fields":[{}],"optional":false,)"
      R"("name":"io.debezium.connector.postgresql.Source","version":1,"field":"source"}})",
      fields);
}

constexpr std::string_view kTransactionSchema =
    R"({"type":"struct","fields":[{"type":"string","optional":false,"field":"id"},)"
    R"({"type":"int64","optional":false,"field":"total_order"},)"
    R"({"type":"int64","optional":false,"field":"data_collection_order"}],"optional":true,)"
    R"("name":"event.block","version":1,"field":"transaction"})";

std::string with_schema(const std::string& schema, std::string payload) {
  if (schema.empty()) return payload;
  return fmt::format(R"({{"schema":{},"payload":{}}})", schema, payload);
}

// Returns the new row of an UPDATE. PostgreSQL does not send large unchanged values; they are taken
// from the old row, if the old row was sent as a whole.
PgTuple completed(const PgChange& change) {
  PgTuple row = change.after;
  if (change.has_before != PgOldRow::Row) return row;
  for (size_t i = 0; i < row.size() && i < change.before.size(); ++i)
    if (row[i].state == PgCell::State::Unsent) row[i] = change.before[i];
  return row;
}

}  // namespace

std::vector<size_t> PgTable::key() const {
  std::vector<size_t> key;
  for (size_t i = 0; i < columns.size(); ++i)
    if (columns[i].key_position > 0) key.push_back(i);
  std::ranges::sort(key, {}, [&](size_t i) { return columns[i].key_position; });
  return key;
}

std::string pg_topic(const PgRecordForm& form, const PgTable& table) {
  std::string topic = form.prefix + "." + table.full_name();
  for (char& c : topic) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!is_letter && (c < '0' || c > '9') && c != '.' && c != '-') c = '_';
  }
  return topic;
}

PgRecordMaker::PgRecordMaker(const PgRecordForm& form, PgTable table)
    : form_(form), table_(std::move(table)), key_(table_.key()) {
  if (form_.has_key_schemas && !key_.empty()) key_schema_ = row_schema("Key", false, {}, true);
  if (!form_.has_value_schemas) return;
  if (form_.is_unwrapped) {
    value_schema_ = row_schema("Value", false, {}, false);
    return;
  }
  value_schema_ = fmt::format(
      R"({{"type":"struct","fields":[{},{},{},{},{},{},{},{}],"optional":false,"name":{},"version":2}})",
      row_schema("Value", true, "before", false), row_schema("Value", true, "after", false),
      source_schema(), kTransactionSchema, field("string", "op", false),
      field("int64", "ts_ms", true), field("int64", "ts_us", true), field("int64", "ts_ns", true),
      json_string(topic() + ".Envelope"));
}

std::string PgRecordMaker::row_schema(std::string_view suffix, bool is_optional,
                                      std::string_view name, bool is_key) const {
  std::string fields;
  const auto add = [&](const PgColumn& column) {
    fields += (fields.empty() ? "" : ",") +
              pg_schema_json(column.type, form_.modes, column.is_nullable, column.name);
  };
  if (is_key)
    for (const size_t i : key_) add(table_.columns[i]);
  else
    for (const PgColumn& column : table_.columns) add(column);
  std::string schema =
      fmt::format(R"({{"type":"struct","fields":[{}],"optional":{},"name":{})", fields, is_optional,
                  json_string(fmt::format("{}.{}", topic(), suffix)));
  if (!name.empty()) schema += fmt::format(R"(,"field":"{}")", name);
  return schema + "}";
}

Result<std::string> PgRecordMaker::row_json(const PgTuple& tuple) const {
  JsonObjectText row;
  for (size_t i = 0; i < table_.columns.size(); ++i) {
    const PgColumn& column = table_.columns[i];
    const PgCell cell = i < tuple.size() ? tuple[i] : PgCell();
    switch (cell.state) {
      case PgCell::State::Null:
        row.json(column.name, kNull);
        break;
      case PgCell::State::Unsent:
        row.json(column.name, pg_unavailable_json(column.type, form_.modes));
        break;
      case PgCell::State::Text: {
        auto value = pg_value_json(column.type, form_.modes, cell.text);
        if (!value) {
          Error error = std::move(value).error();
          error.message = fmt::format("{}.{}: {}", table_.full_name(), column.name, error.message);
          return error;
        }
        row.json(column.name, *value);
      }
    }
  }
  return row.take();
}

Result<std::optional<std::string>> PgRecordMaker::key_json(const PgTuple& tuple) const {
  if (key_.empty()) return std::optional<std::string>();
  JsonObjectText key;
  for (const size_t i : key_) {
    const PgColumn& column = table_.columns[i];
    if (i >= tuple.size() || tuple[i].state != PgCell::State::Text)
      key.json(column.name, kNull);
    else
      key.json(column.name, TRY(pg_value_json(column.type, form_.modes, tuple[i].text)));
  }
  return std::optional(with_schema(key_schema_, key.take()));
}

std::string PgRecordMaker::envelope(char op, std::string_view before, std::string_view after,
                                    const PgOrigin& origin, int64_t now_us) const {
  constexpr int64_t kUsOfMs = 1'000, kNsOfUs = 1'000;
  JsonObjectText source;
  source.text("version", "millrace")
      .text("connector", "postgresql")
      .text("name", form_.prefix)
      .number("ts_ms", origin.ts_us / kUsOfMs)
      .text("snapshot", origin.snapshot)
      .text("db", form_.database)
      .text("sequence", origin.last_commit
                            ? fmt::format(R"(["{}","{}"])", *origin.last_commit, origin.lsn)
                            : fmt::format(R"([null,"{}"])", origin.lsn))
      .number("ts_us", origin.ts_us)
      .number("ts_ns", origin.ts_us * kNsOfUs)
      .text("schema", table_.schema)
      .text("table", table_.name);
  if (origin.xid)
    source.number("txId", *origin.xid);
  else
    source.json("txId", kNull);
  source.number("lsn", static_cast<int64_t>(origin.lsn)).json("xmin", kNull);
  return JsonObjectText()
      .json("before", before)
      .json("after", after)
      .json("source", source.take())
      .json("transaction", kNull)
      .text("op", std::string_view(&op, 1))
      .number("ts_ms", now_us / kUsOfMs)
      .number("ts_us", now_us)
      .number("ts_ns", now_us * kNsOfUs)
      .take();
}

Status PgRecordMaker::add_deleted(const PgTuple& before, const std::optional<std::string>& key,
                                  const PgOrigin& origin, int64_t now_us,
                                  std::vector<PgRecord>& out) const {
  if (form_.is_unwrapped) {
    // ExtractNewRecordState removes the value of a delete and keeps its tombstone, which exists
    // only for a record with a key.
    if (key) out.push_back({key, std::nullopt});
    return {};
  }
  out.push_back({key, with_schema(value_schema_,
                                  envelope('d', TRY(row_json(before)), kNull, origin, now_us))});
  if (form_.has_tombstones && key) out.push_back({key, std::nullopt});
  return {};
}

Status PgRecordMaker::add(const PgChange& change, const PgOrigin& origin, int64_t now_us,
                          std::vector<PgRecord>& out) const {
  if (change.op == 'd')
    return add_deleted(change.before, TRY(key_json(change.before)), origin, now_us, out);
  const PgTuple row = completed(change);
  const auto key = TRY(key_json(row));
  char op = change.op;
  std::string old_text(kNull);
  if (op == 'u' && change.has_before != PgOldRow::None) {
    // A changed key is written as the delete of the old row and the insert of a new row.
    if (const auto old_key = TRY(key_json(change.before)); old_key != key) {
      TRY(add_deleted(change.before, old_key, origin, now_us, out));
      op = 'c';
    } else {
      old_text = TRY(row_json(change.before));
    }
  }
  std::string row_text = TRY(row_json(row));
  if (!form_.is_unwrapped) row_text = envelope(op, old_text, row_text, origin, now_us);
  out.push_back({key, with_schema(value_schema_, std::move(row_text))});
  return {};
}

PgRecord PgRecordMaker::truncation(const PgOrigin& origin, int64_t now_us) const {
  return {std::nullopt, with_schema(value_schema_, envelope('t', kNull, kNull, origin, now_us))};
}

}  // namespace engine
