#include <algorithm>
#include <string_view>

#include "engine/sql/build.h"

namespace engine {
namespace {

std::vector<std::string> build_roles(P::NamesContext& context) {
  std::vector<std::string> roles;
  for (P::IdentifierContext* each : context.identifier()) roles.push_back(build_role(*each));
  return roles;
}

Error bad_option(P::RoleOptionContext& context) {
  const std::string word = to_lower(text_of(*context.identifier()));
  return Error{ErrorCode::NotSupported, "unrecognized role option \"" + word + "\""}
      .at(position_of(context))
      .with_hint(word == "password"     ? "The password is in single quotes: PASSWORD '...'."
                 : word == "identified" ? "Use PASSWORD '...' in place of IDENTIFIED BY."
                                        : "Options are LOGIN, NOLOGIN, SUPERUSER, NOSUPERUSER and "
                                          "PASSWORD '...'.");
}

Result<RoleOptions> build_options(const std::vector<P::RoleOptionContext*>& contexts) {
  RoleOptions options;
  for (P::RoleOptionContext* each : contexts) {
    const Name word = build_name(*each->identifier());
    const bool has_value = each->string() || each->NULL_();
    if (word == "ENCRYPTED" && !has_value) continue;  // ENCRYPTED PASSWORD; all are encrypted
    if (word == "PASSWORD" && has_value) {
      options.password = each->string() ? TRY(build_string(*each->string())) : std::string();
      continue;
    }
    if (has_value) return bad_option(*each);
    if (word == "LOGIN" || word == "NOLOGIN")
      options.may_login = word == "LOGIN";
    else if (word == "SUPERUSER" || word == "NOSUPERUSER")
      options.is_superuser = word == "SUPERUSER";
    // Accepted without effect for PostgreSQL's scripts: here every user has this property, or none
    // has it.
    else if (word != "INHERIT" && word != "NOCREATEDB" && word != "NOCREATEROLE" &&
             word != "NOREPLICATION" && word != "NOBYPASSRLS")
      return bad_option(*each);
  }
  return options;
}

Result<std::optional<Right>> build_right(P::PrivilegeContext& context) {
  if (context.ALL()) return std::optional(Right::All);
  if (context.SELECT()) return std::optional(Right::Select);
  if (context.CONNECTOR()) return std::optional(Right::CreateConnector);
  if (context.LINK()) return std::optional(Right::CreateLink);
  if (context.CREATE()) return std::optional(Right::Create);
  const Name word = build_name(*context.identifier());
  if (word == "INSERT") return std::optional(Right::Insert);
  return std::optional<Right>();
}

// Returns whether the right is part of INSERT. INSERT, UPDATE and DELETE are one right, because all
// of them write records to the table's topic.
bool is_with_insert(const Name& word) { return word == "UPDATE" || word == "DELETE"; }

Result<RightsTarget> build_target(P::RightsTargetContext& context) {
  RightsTarget target;
  target.is_everything = context.ALL() != nullptr;
  target.is_topics = is(context.kind, P::TOPIC) || is(context.kind, P::TOPICS);
  if (target.is_everything || !target.is_topics) {
    target.sources = build_names(context.names());
    return target;
  }
  for (P::TopicNameContext* each : context.topicName()) {
    if (each->string()) {
      target.sources.push_back({TRY(build_string(*each->string())), Quoting::Double});
      continue;
    }
    Name name = build_name(*each->identifier());
    if (name.quoting == Quoting::None) name.text = to_lower(name.text);
    target.sources.push_back(std::move(name));
  }
  return target;
}

Result<Statement> build_change_rights(P::ChangeRightsContext& context) {
  ChangeRights change;
  change.is_grant = context.GRANT() != nullptr;
  change.grantees = build_roles(*context.names());
  if (context.WITH())
    return Error{ErrorCode::NotSupported, "GRANT ... WITH ... OPTION is not supported yet"}.at(
        position_of(*context.identifier(0)));
  if (!context.rightsTarget()) {
    for (P::PrivilegeContext* each : context.privilege()) {
      if (each->ALL() || !each->identifier())
        return statement_error(*each->start, "GRANT and REVOKE of rights need ON and an object.");
      change.roles.push_back(build_role(*each->identifier()));
    }
    return change;
  }
  const antlr4::ParserRuleContext* with_insert = nullptr;
  for (P::PrivilegeContext* each : context.privilege()) {
    const std::optional<Right> right = TRY(build_right(*each));
    const bool goes_with_insert = !right && is_with_insert(build_name(*each->identifier()));
    if (!right && !goes_with_insert)
      return Error{ErrorCode::SyntaxError,
                   "unrecognized privilege type \"" + to_lower(text_of(*each)) + "\""}
          .at(position_of(*each))
          .with_hint(
              "Rights are SELECT, INSERT (with UPDATE and DELETE), CREATE, CREATE CONNECTOR, "
              "CREATE LINK and ALL.");
    if (goes_with_insert)
      with_insert = each;
    else
      change.rights.push_back(*right);
  }
  const bool has_insert = std::ranges::any_of(
      change.rights, [](Right right) { return right == Right::Insert || right == Right::All; });
  if (with_insert && !has_insert)
    return Error{ErrorCode::NotSupported,
                 "rights to UPDATE or DELETE without INSERT are not supported yet"}
        .at(position_of(*with_insert))
        .with_hint("INSERT includes the right to change rows: add INSERT to the list.");
  change.target = TRY(build_target(*context.rightsTarget()));
  return change;
}

}  // namespace

std::string build_role(P::IdentifierContext& context) {
  const Name name = build_name(context);
  return name.quoting == Quoting::None ? to_lower(name.text) : name.text;
}

Result<Statement> build_access(antlr4::ParserRuleContext& context) {
  switch (context.getRuleIndex()) {
    case P::RuleCreateRole: {
      auto& create = static_cast<P::CreateRoleContext&>(context);
      return CreateRole{is(create.kind, P::USER), build_role(*create.name),
                        TRY(build_options(create.roleOption()))};
    }
    case P::RuleAlterRole: {
      auto& alter = static_cast<P::AlterRoleContext&>(context);
      return AlterRole{is(alter.kind, P::USER), build_role(*alter.name),
                       TRY(build_options(alter.roleOption()))};
    }
    case P::RuleDropRole: {
      auto& drop = static_cast<P::DropRoleContext&>(context);
      return DropRole{drop.ifExists() != nullptr, build_roles(*drop.names())};
    }
    case P::RuleChangeOwner: {
      auto& change = static_cast<P::ChangeOwnerContext&>(context);
      return ChangeOwner{build_name(*change.name), position_of(*change.name),
                         build_role(*change.owner)};
    }
    default:
      return build_change_rights(dynamic_cast<P::ChangeRightsContext&>(context));
  }
}

}  // namespace engine
