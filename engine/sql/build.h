// Converts ANTLR's tree to the engine's, with one function for each rule of the grammar. Private to
// this folder.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "engine/sql/ast.h"
#include "engine/sql/syntax_error.h"
#include "grammar/MillraceParser.h"

namespace engine {

using P = grammar::MillraceParser;

// The following functions are in build_statement.cc.
Result<Statement> build_statement(P::StatementContext& context);
// Builds a statement together with its text, for EXPLAIN and PREPARE.
Result<ParsedStatement> build_nested_statement(P::StatementContext& context);

// build_source.cc: CREATE, DROP and ALTER of streams, tables and types
Result<Statement> build_create_source(P::CreateSourceContext& context);
Result<Statement> build_drop_source(P::DropSourceContext& context);
Result<Statement> build_alter_source(P::AlterSourceContext& context);
Result<Statement> build_create_type(P::CreateTypeContext& context);
Result<Statement> build_drop_type(P::DropTypeContext& context);
Result<Statement> build_create_view(P::CreateViewContext& context);
Result<Statement> build_drop_view(P::DropViewContext& context);
Result<Statement> build_rename_relation(P::RenameRelationContext& context);
Result<PropertyList> build_properties(P::PropertiesContext* context);  // null gives an empty list
// Fails if the list has the property already.
Status add_property(P::PropertyContext& context, PropertyList& properties);
// Returns the name as written, without quotes.
Result<std::string> build_property_name(P::PropertyNameContext& context);

// The following functions are in build_connector.cc.
Result<Statement> build_connector(antlr4::ParserRuleContext& context);
// Returns the text of a statement, which is kept, logged and shown. As in ksqlDB, the values of the properties of
// connectors are masked, since they may be secrets; those of links are masked in the same way.
std::string shown_text(P::StatementContext& context);

// The following functions are in build_link.cc.
Result<Statement> build_link(antlr4::ParserRuleContext& context);
// Returns the name of a link as it is written, since names of links distinguish case.
LinkName build_link_name(P::IdentifierContext& context);

// The following functions are in build_topic.cc: topics and consumer groups.
Result<Statement> build_topic(antlr4::ParserRuleContext& context);
// Builds the name of a topic or a consumer group, which may also be written as a string.
Result<Name> build_topic_name(P::TopicNameContext& context);

// The following function is in build_type.cc.
Result<TypeName> build_type(P::TypeContext& context);

// The following functions are in build_query.cc.
Result<Query> build_query(P::QueryContext& context);
Result<Query> build_value_rows(P::ValueRowsContext& context);
Result<AliasedSource> build_aliased_source(P::AliasedSourceContext& context);
Result<Duration> build_duration(P::DurationContext& context);
TimeUnit build_time_unit(P::TimeUnitContext& context);

// The following function is in build_command.cc. It builds INSERT, the commands for properties and
// variables, ASSERT, SHOW, DESCRIBE, EXPLAIN, PRINT, and the commands that control queries.
Result<Statement> build_command(antlr4::ParserRuleContext& context);

// The following function is in build_session.cc: transactions, settings, cursors, prepared
// statements.
Result<Statement> build_session(antlr4::ParserRuleContext& context);

// The following functions are in build_access.cc: users and their rights.
Result<Statement> build_access(antlr4::ParserRuleContext& context);
// Builds the name of a user. PostgreSQL's clients log in with names as typed, so unquoted names are
// folded to lower case.
std::string build_role(P::IdentifierContext& context);

// The following function is in build_copy.cc.
Result<Statement> build_copy(P::CopyContext& context);

// The following functions are in build_expression.cc.
Result<ExpressionPtr> build_expression(P::ExpressionContext& context);
Result<ExpressionPtr> build_value(P::ValueContext& context);
Result<ExpressionPtr> build_argument(P::ArgumentContext& context);
Result<ExpressionList> build_expressions(const std::vector<P::ExpressionContext*>& contexts);
Result<ExpressionPtr> build_literal(P::LiteralContext& context);
// Returns the dereference if the expression is exactly `base->*`, otherwise nullptr.
P::DereferenceContext* as_all_fields(P::ExpressionContext& context);

// The following functions are in build_name.cc: names and literals.
Name build_name(P::IdentifierContext& context);
Name build_name(P::BareAliasContext& context);
std::vector<Name> build_names(P::NamesContext* context);  // null gives an empty list
Result<std::string> build_string(P::StringContext& context);
// Returns the name of a relation in a schema, which has the schema as a prefix; `public` is omitted. Names with a schema
// follow PostgreSQL, for which a name in lower case is the same with and without quotes.
Name name_in_schema(const Name& schema, Name name);
// Builds the name of a stream, a table or a similar object, which only has letters, digits, '_' and
// '-'.
Result<Name> build_source_name(P::IdentifierContext& context);
Result<int64_t> build_integer(const antlr4::Token& token, bool negative = false);
// Builds the literal of a number from its digits and its sign.
Result<ExpressionPtr> build_number(const antlr4::Token& digits, const std::string& sign,
                                   TextPosition position);

TextPosition position_of(const antlr4::ParserRuleContext& context);
// Returns the text that a rule matched.
std::string text_of(const antlr4::ParserRuleContext& context);
std::string to_upper(std::string text);
std::string to_lower(std::string text);

// Returns whether a label's token has this type. The label may be unset.
inline bool is(const antlr4::Token* token, size_t type) {
  return token && token->getType() == type;
}

}  // namespace engine
