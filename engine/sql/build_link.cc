#include "engine/sql/build.h"

namespace engine {
namespace {

Result<Statement> build_create_link(P::CreateLinkContext& context) {
  if (context.REPLACE() && context.ifNotExists())
    return statement_error(*context.ifNotExists()->start,
                           "CREATE OR REPLACE and IF NOT EXISTS exclude each other.");
  const LinkName link = build_link_name(*context.name);
  CreateLink create{context.REPLACE() != nullptr, context.ifNotExists() != nullptr, link.name,
                    link.position};
  if (!context.word) {
    create.properties = TRY(build_properties(context.properties()));
    return create;
  }
  if (to_upper(text_of(*context.word)) != "FILE")
    return statement_error(*context.word->start,
                           "The properties of a link follow WITH, or are in a file: FROM FILE "
                           "'client.properties'.");
  create.file = TRY(build_string(*context.string()));
  return create;
}

}  // namespace

LinkName build_link_name(P::IdentifierContext& context) {
  Name name = build_name(context);
  if (name.quoting == Quoting::None) name.text = text_of(context);
  return {std::move(name), position_of(context)};
}

Result<Statement> build_link(antlr4::ParserRuleContext& context) {
  if (context.getRuleIndex() == P::RuleCreateLink)
    return build_create_link(static_cast<P::CreateLinkContext&>(context));
  if (context.getRuleIndex() == P::RuleDropLink) {
    auto& drop = static_cast<P::DropLinkContext&>(context);
    LinkName link = build_link_name(*drop.name);
    return DropLink{drop.ifExists() != nullptr, std::move(link.name), link.position};
  }
  auto& describe = dynamic_cast<P::DescribeContext&>(context);
  LinkName link = build_link_name(*describe.name);
  return DescribeLink{std::move(link.name), link.position};
}

}  // namespace engine
