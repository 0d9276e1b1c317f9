// A board in simulation: the serial line of snn_uart on standard input and output.
//
// A line "C" forgets everything; "D" and integers decide, and the answer's integers come back on a line.
//     iverilog -Pserial_line.VALUES=2 -Pserial_line.WORDS=1 -o board serial_line.v board.v && vvp -n board
module serial_line;

parameter VALUES = 1, WORDS = 1, PERIOD = 8;  // of an observation, of a decision besides its steps; clocks of a bit
localparam STDIN = 32'h8000_0000;

integer number, answer, i, k, b, read;
reg [7:0] command, got;
reg clk = 0, rx = 1;
wire tx;
always #5 clk = ~clk;

snn_uart uart (.clk(clk), .rx(rx), .tx(tx));

task put(input [7:0] data);
    begin
        rx = 0;
        repeat (PERIOD) @(negedge clk);
        for (b = 0; b < 8; b = b + 1) begin
            rx = data[b];
            repeat (PERIOD) @(negedge clk);
        end
        rx = 1;
        repeat (PERIOD) @(negedge clk);
    end
endtask

task get;
    begin
        while (tx !== 0) @(negedge clk);
        repeat (PERIOD / 2) @(negedge clk);
        for (b = 0; b < 8; b = b + 1) begin
            repeat (PERIOD) @(negedge clk);
            got[b] = tx;
        end
        repeat (PERIOD) @(negedge clk);
    end
endtask

initial begin
    repeat (100) @(negedge clk);
    read = $fscanf(STDIN, " %c", command);
    while (read == 1) begin
        put(command);
        if (command == "D") begin
            for (i = 0; i < VALUES; i = i + 1) begin
                read = $fscanf(STDIN, " %d", number);
                for (k = 0; k < 4; k = k + 1) put(number[k*8 +: 8]);
            end
            for (i = 0; i <= WORDS; i = i + 1) begin
                for (k = 0; k < 4; k = k + 1) begin
                    get;
                    answer[k*8 +: 8] = got;
                end
                $write("%0d ", answer);
            end
            $write("\n");
            $fflush;
        end
        read = $fscanf(STDIN, " %c", command);
    end
    $finish;
end

endmodule
