"""The language of rules and filters: parser, tree, compiler.

It knows no schema and no database: names get their meaning from a `Resolver`, SQL its spelling from a `SqlDialect`.
"""
