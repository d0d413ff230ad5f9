# web_files.awk -- prints the C file that builds the files named as arguments into uproard, as
# web_files (web.h). The assembler reads them: what is in them is never text of the compiler's.
BEGIN {
    print "/* web_files.c -- made by web_files.awk: the page. */"
    print "#include \"shard/web.h\"\n"
    for (i = 1; i < ARGC; i++) {
        printf "__asm__(\".pushsection .rodata,\\\"a\\\",@progbits\\n\"\n"
        printf "        \"web_file_%d: .incbin \\\"%s\\\"\\n\"\n", i, ARGV[i]
        printf "        \"web_file_%d_end: .byte 0\\n\"\n", i
        printf "        \".popsection\\n\");\n"
        printf "extern const uint8_t web_file_%d[], web_file_%d_end[];\n\n", i, i
    }
    print "const struct web_file web_files[] = {"
    for (i = 1; i < ARGC; i++) {
        name = ARGV[i]
        sub(/.*\//, "", name)
        printf "    {\"%s\", web_file_%d, web_file_%d_end},\n", name, i, i
    }
    print "};\nconst size_t web_files_count = sizeof(web_files) / sizeof(web_files[0]);"
}
