#include "engine/plan/view_target.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/suggest.h"
#include "engine/catalog/visible_names.h"
#include "engine/plan/create_source.h"
#include "engine/sql/public_schema.h"
#include "engine/types/ascii.h"

namespace engine {

namespace {

// Returns the streams and tables that the view reads, directly or through other views, with their kinds: "table se".
std::vector<std::string> base_relations(const View& view, const Catalog& catalog) {
  std::vector<std::string> next{view.name}, bases;
  std::set<std::string> seen{view.name};
  for (size_t i = 0; i < next.size(); ++i) {
    const std::string name = next[i];
    if (const ViewPtr* inner = catalog.views.get(name)) {
      for (const std::string& read : (*inner)->reads)
        if (seen.insert(read).second) next.push_back(read);
    } else if (const DataSource* source = catalog.find_source(name)) {
      bases.push_back(fmt::format("{} {}", kind_word(source->kind), display_name(name)));
    }
  }
  return bases;
}

struct Words {
  std::string_view message, remedy;
  ErrorCode code;
};

Words words_of(ViewChange change) {
  switch (change) {
    case ViewChange::Insert:
      return {"cannot insert into view", "INSERT INTO", ErrorCode::ObjectState};
    case ViewChange::Update:
      return {"cannot update view", "UPDATE", ErrorCode::ObjectState};
    case ViewChange::Delete:
      return {"cannot delete from view", "DELETE FROM", ErrorCode::ObjectState};
    case ViewChange::Copy:
      return {"cannot copy to view", "COPY to", ErrorCode::WrongObjectType};
    case ViewChange::Truncate:
      return {{}, "TRUNCATE", ErrorCode::WrongObjectType};
    case ViewChange::Alter:
      break;
  }
  return {{}, {}, ErrorCode::WrongObjectType};
}

}  // namespace

const View* view_named(const Name& name, const Catalog& catalog, bool fold_quoted_names) {
  const auto look = [&](const std::string& text) {
    const ViewPtr* found = catalog.views.get(text);
    return found ? found->get() : nullptr;
  };
  if (const View* view = look(name.text)) return view;
  if (!fold_quoted_names || name.quoting == Quoting::Back) return nullptr;
  return look(name.quoting == Quoting::Double ? absl::AsciiStrToUpper(name.text)
                                              : absl::AsciiStrToLower(name.text));
}

std::optional<Error> refuse_view(const Name& name, TextPosition at, ViewChange change,
                                 const Catalog& catalog) {
  const View* view = view_named(without_public(name), catalog, true);
  if (!view) return std::nullopt;
  const Words words = words_of(change);
  const std::string shown = display_name(view->name);
  Error error{words.code, words.message.empty() ? fmt::format("\"{}\" is not a table", shown)
                                                : fmt::format("{} \"{}\"", words.message, shown)};
  const std::vector<std::string> bases = base_relations(*view, catalog);
  error.detail = "It is a view, which has no rows of its own.";
  if (words.remedy.empty())
    error.hint = "Use DROP VIEW to remove a view, and CREATE OR REPLACE VIEW to change it.";
  else if (!bases.empty())
    error.hint =
        fmt::format("{} {}, which the view reads.", words.remedy, fmt::join(bases, " or "));
  return std::move(error).at(at);
}

Error no_such_relation(const Name& name, TextPosition at, ViewChange change,
                       const Catalog& catalog) {
  if (auto refused = refuse_view(name, at, change, catalog)) return *std::move(refused);
  return Error{ErrorCode::UndefinedSource,
               fmt::format("relation \"{}\" does not exist", display_name(name.text))}
      .at(at)
      .with_hint(did_you_mean(name.text, visible_sources(catalog)));
}

}  // namespace engine
