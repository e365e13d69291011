// Functions that look up names of catalog objects. The statement provides the look-up; continuous queries have none.
#include "engine/functions/catalog_names.h"

#include <utility>

#include "engine/functions/families.h"
#include "engine/functions/function.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

thread_local CatalogNames* names_in_use = nullptr;

Error no_names() {
  return {ErrorCode::NotSupported,
          "names of the catalog cannot be looked up here: not in a query that runs, nor in a "
          "condition over a stream"};
}

std::string_view text_at(const Argument& argument, size_t row) {
  return argument.get<std::string_view>(row);
}

bool has_null(const KernelCall& call, size_t row) {
  for (const Argument& argument : call.args)
    if (argument.is_null(row)) return true;
  return false;
}

PostgresLabel label_at(const Argument& argument, size_t row) {
  const PostgresLabelRow* type = label_named(text_at(argument, row));
  return type ? type->label : label::kNone;
}

template <class Put>
void for_each_given(KernelCall& call, Put put) {
  for (size_t row = 0; row < call.rows; ++row)
    if (has_null(call, row))
      call.out.append_null();
    else
      put(row);
}

// Calls `put` with the value of `value_of(row)` for each row. An error fails its row only.
template <class Of, class Put>
void for_rows(KernelCall& call, Of value_of, Put put) {
  for (size_t row = 0; row < call.rows; ++row) {
    if (has_null(call, row)) {
      call.out.append_null();
      continue;
    }
    auto value = names_in_use ? value_of(row) : no_names();
    if (!value) call.errors.add(row, value.error().message, value.error().code);
    if (value)
      put(*value);
    else
      call.out.append_null();
  }
}

template <class Of>
void texts_of_rows(KernelCall& call, Of value_of) {
  for_rows(call, value_of, [&](const std::string& text) { call.out.append_copy(text); });
}

// Returns null for an unknown name, as to_regclass() does, but not for other errors.
void found_name(KernelCall& call) {
  using Found = std::optional<std::string>;
  for_rows(
      call,
      [&](size_t row) -> Result<Found> {
        const PostgresLabel type = label_at(call.args[0], row);
        const auto number = names_in_use->number_of(type, text_at(call.args[1], row));
        if (!number) return Found();
        return Found(names_in_use->name_of(type, *number));
      },
      [&](const Found& name) {
        if (name)
          call.out.append_copy(*name);
        else
          call.out.append_null();
      });
}

// Returns whether a role has a privilege. The arguments are kind, role, object, column and privileges; the role and the
// column may be empty.
void has_privilege(KernelCall& call) {
  using Answer = std::optional<bool>;
  for_rows(
      call,
      [&](size_t row) -> Result<Answer> {
        const std::string_view role = text_at(call.args[1], row);
        return names_in_use->has_privilege(
            text_at(call.args[0], row), role.empty() ? std::nullopt : std::optional(role),
            text_at(call.args[2], row), text_at(call.args[3], row), text_at(call.args[4], row));
      },
      [&](Answer answer) {
        if (answer)
          call.out.append(static_cast<uint8_t>(*answer));
        else
          call.out.append_null();
      });
}

// Returns age 0 for each row, as if every object had just changed. Tools that read only the objects
// that have changed since a transaction then read all objects.
void age_of_transaction(KernelCall& call) {
  for_each_given(call, [&](size_t) { call.out.append(int32_t{0}); });
}

constexpr std::string_view kNameDoc =
    "The name of an object of the catalog, as a reg* type shows it.";

constexpr FunctionDef kCatalogNameDefs[] = {
    {.name = "age",
     .signature = "(BIGINT transaction) -> INT",
     .doc = "The number of transactions since a version of a row of the catalog was written: "
            "always 0.",
     .example = "AGE(CAST(5 AS BIGINT)) = 0",
     .kernel = age_of_transaction},
    {.name = "pg_catalog.registered_name",
     .signature = "(STRING type, STRING name) -> STRING",
     .doc = kNameDoc,
     .example = "PG_CATALOG.REGISTERED_NAME('regclass', CAST(NULL AS STRING)) IS NULL",
     .kernel = registered_name_of_text},
    {.name = "pg_catalog.registered_number",
     .signature = "(STRING type, STRING name) -> BIGINT",
     .doc = "The number (oid) of the object of the catalog with this name.",
     .example = "PG_CATALOG.REGISTERED_NUMBER('regclass', CAST(NULL AS STRING)) IS NULL",
     .kernel = registered_number},
    {.name = "pg_catalog.found_name",
     .signature = "(STRING type, STRING name) -> STRING",
     .doc = "The name if an object of the catalog has this name, and null otherwise.",
     .example = "PG_CATALOG.FOUND_NAME('regclass', CAST(NULL AS STRING)) IS NULL",
     .kernel = found_name},
    {.name = "pg_catalog.has_privilege",
     .signature = "(STRING kind, STRING role, STRING object, STRING column, STRING privileges) -> "
                  "BOOLEAN",
     .doc = "Whether a role has one of the privileges on an object of the catalog.",
     .example = "PG_CATALOG.HAS_PRIVILEGE('table', '', CAST(NULL AS STRING), '', 'select') IS NULL",
     .kernel = has_privilege},
};

}  // namespace

const FunctionFamily kCatalogNameFunctions{"POSTGRESQL", kCatalogNameDefs};

CatalogNamesInUse::CatalogNamesInUse(CatalogNames* names)
    : before_(std::exchange(names_in_use, names)) {}
CatalogNamesInUse::~CatalogNamesInUse() { names_in_use = before_; }

CatalogNames* catalog_names_in_use() { return names_in_use; }

void registered_name_of_text(KernelCall& call) {
  texts_of_rows(call, [&](size_t row) -> Result<std::string> {
    const PostgresLabel type = label_at(call.args[0], row);
    return names_in_use->name_of(type,
                                 TRY(names_in_use->number_of(type, text_at(call.args[1], row))));
  });
}
void registered_name_of_number(KernelCall& call) {
  texts_of_rows(call, [&](size_t row) -> Result<std::string> {
    return names_in_use->name_of(label_at(call.args[0], row), call.args[1].get<int64_t>(row));
  });
}
void registered_number(KernelCall& call) {
  for_rows(
      call,
      [&](size_t row) -> Result<int64_t> {
        return names_in_use->number_of(label_at(call.args[0], row), text_at(call.args[1], row));
      },
      [&](int64_t number) { call.out.append(number); });
}

}  // namespace engine
