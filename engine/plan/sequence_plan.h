// Plans CREATE, ALTER and DROP SEQUENCE, which change the sequences of the catalog. The functions
// are pure.
#pragma once
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/sql/ast_sequence.h"

namespace engine {

struct ChangedSequences {
  std::vector<SequencePtr> put;
  std::vector<std::string> dropped;
  std::vector<std::string> notices;
};

Result<ChangedSequences> plan_create_sequence(const CreateSequence& create, const Catalog& catalog,
                                              const Uuid& id);
Result<ChangedSequences> plan_alter_sequence(const AlterSequence& alter, const Catalog& catalog);
Result<ChangedSequences> plan_drop_sequences(const DropSequences& drop, const Catalog& catalog);

// Return the sequences that a table, or one of its columns, owns.
std::vector<SequencePtr> sequences_of(const Catalog& catalog, const std::string& table);
std::vector<SequencePtr> sequences_of(const Catalog& catalog, const std::string& table,
                                      const std::string& column);

}  // namespace engine
