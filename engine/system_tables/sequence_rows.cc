// Rows about sequences in pg_sequence, pg_sequences and information_schema.sequences.
#include <fmt/format.h>

#include <algorithm>

#include "engine/system_tables/catalog_rows.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_keywords.h"
#include "engine/types/postgres_type.h"

namespace engine {

namespace {

template <class F>
void for_each_sequence(const CatalogFacts& facts, F visit) {
  for (const CatalogRelation& each : facts.objects.relations())
    if (each.sequence) visit(each, *each.sequence);
}

SequencePosition position_of(const CatalogFacts& facts, const Sequence& sequence) {
  if (facts.context.sequence_position) return facts.context.sequence_position(sequence);
  return {sequence.last_value, sequence.is_called, 0};
}

int64_t type_oid(const Sequence& sequence) {
  return sequence.data_type == "smallint"  ? oid::kInt2
         : sequence.data_type == "integer" ? oid::kInt4
                                           : oid::kInt8;
}

}  // namespace

void add_sequence_rows(const CatalogFacts& facts, SystemRowWriter& out) {
  for_each_sequence(facts, [&](const CatalogRelation& relation, const Sequence& sequence) {
    out.row()
        .set_number("SEQRELID", relation.oid)
        .set_number("SEQTYPID", type_oid(sequence))
        .set_number("SEQSTART", sequence.start)
        .set_number("SEQINCREMENT", sequence.increment)
        .set_number("SEQMAX", sequence.max)
        .set_number("SEQMIN", sequence.min)
        .set_number("SEQCACHE", sequence.cache)
        .set("SEQCYCLE", sequence.cycles);
  });
}

void add_sequence_list(const CatalogFacts& facts, SystemRowWriter& out) {
  for_each_sequence(facts, [&](const CatalogRelation& relation, const Sequence& sequence) {
    const SequencePosition position = position_of(facts, sequence);
    out.row()
        .set("SCHEMANAME", relation.schema_name)
        .set("SEQUENCENAME", relation.name)
        .set("SEQUENCEOWNER", sequence.owner_role.empty() ? "millrace" : sequence.owner_role)
        .set("DATA_TYPE", sequence.data_type)
        .set_number("START_VALUE", sequence.start)
        .set_number("MIN_VALUE", sequence.min)
        .set_number("MAX_VALUE", sequence.max)
        .set_number("INCREMENT_BY", sequence.increment)
        .set("CYCLE", sequence.cycles)
        .set_number("CACHE_SIZE", sequence.cache)
        .set("MR_KEY", sequence.name)
        .set("MR_NAME", fmt::format("{}.{}", quoted_postgres_name(relation.schema_name),
                                    quoted_postgres_name(relation.name)))
        .set_number("MR_POSITION", position.last_value)
        .set("MR_CALLED", position.is_called)
        .set_number("MR_LOG", position.reserved);
    out.set("LAST_VALUE", position.is_called ? Value::bigint(position.last_value) : Value());
    if (sequence.owner_table.empty()) return;
    out.set("MR_TABLE", display_name(sequence.owner_table))
        .set("MR_COLUMN", display_name(sequence.owner_column));
  });
}

void add_schema_sequences(const CatalogFacts& facts, SystemRowWriter& out) {
  for_each_sequence(facts, [&](const CatalogRelation& relation, const Sequence& sequence) {
    const int64_t bits = sequence.data_type == "smallint"  ? 16
                         : sequence.data_type == "integer" ? 32
                                                           : 64;
    out.row()
        .set("SEQUENCE_CATALOG", facts.database)
        .set("SEQUENCE_SCHEMA", relation.schema_name)
        .set("SEQUENCE_NAME", relation.name)
        .set("DATA_TYPE", sequence.data_type)
        .set_number("NUMERIC_PRECISION", bits)
        .set_number("NUMERIC_PRECISION_RADIX", 2)
        .set_number("NUMERIC_SCALE", 0)
        .set("START_VALUE", std::to_string(sequence.start))
        .set("MINIMUM_VALUE", std::to_string(sequence.min))
        .set("MAXIMUM_VALUE", std::to_string(sequence.max))
        .set("INCREMENT", std::to_string(sequence.increment))
        .set("CYCLE_OPTION", sequence.cycles ? "YES" : "NO");
  });
}

}  // namespace engine
