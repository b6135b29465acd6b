# Counters of a self-test that nobody runs here: every thread that works on an elliptic curve would write to them.

edit("threads: count no multiplications" library/ecp.c "#define INC_MUL_COUNT   mul_count++;" "#define INC_MUL_COUNT")
edit("threads: count no doublings" library/ecp.c "    dbl_count++;\n" "")
edit("threads: count no additions" library/ecp.c "    add_count++;\n" "")
