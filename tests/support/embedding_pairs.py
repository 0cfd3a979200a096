"""A hundred texts, each with one that means much the same and one that does not.

They were written before the table of `emulator/retrieval` was built, and are not changed to please
it. The unrelated text is a plausible statement too; often it shares a word with the first text, so
that counting words would be misled.
"""

TRIPLES = [
    # Everyday life
    (
        "How do I get a red wine stain out of a tablecloth?",
        "Sprinkle salt on the spill at once, then soak the linen in cold water before washing it.",
        "Serve the red wine at room temperature, an hour after the bottle was opened.",
    ),
    (
        "The neighbours play loud music late at night.",
        "We cannot sleep because of the noise from the flat next door.",
        "The night bus stops near the concert hall until two in the morning.",
    ),
    (
        "my washing machine does not spin",
        """If the drum stays still at the end of the cycle, look for a blocked filter or a worn \
belt.""",
        "The spinning class starts at seven and takes place on the second floor.",
    ),
    (
        "Where should I keep bananas so that they do not turn brown?",
        "Fruit ripens more slowly in a cool place, away from apples.",
        "The brown paint needs two coats and dries overnight.",
    ),
    (
        "The rent has to be paid by the third of each month.",
        "Tenants owe the landlord their monthly payment within the first three days.",
        "Rent a bicycle at the station and return it at any of thirty stands.",
    ),
    (
        "Our old sofa is to be collected by the city on Thursday.",
        "Bulky furniture can be left on the pavement for the municipal refuse service.",
        "The city's old stamp collection can be seen on Thursdays.",
    ),
    (
        "How often should house plants be watered in winter?",
        "During the cold months most indoor greenery needs a drink only every ten days.",
        "The power plant supplies heat to four thousand houses in winter.",
    ),
    (
        "A bulb in the kitchen has gone.",
        "The light above the stove no longer works and must be replaced.",
        "Plant the tulip bulbs ten centimetres deep before the first frost.",
    ),
    (
        "The key is stuck in the lock.",
        "I can't open the door; a drop of oil might loosen it.",
        "The key of this piece changes from C major to A minor.",
    ),
    (
        "I always forget where I parked.",
        "It takes me ages to find my car again in the multi-storey garage.",
        "The national park forgets nobody: entry is free on Sundays.",
    ),
    # Science
    (
        "Why is the sky blue?",
        "Air molecules scatter short wavelengths of sunlight more than long ones.",
        "The blue team won the match under an open sky.",
    ),
    (
        "Water boils at a lower temperature on high mountains.",
        "With less air pressure, liquids turn to steam sooner.",
        "The mountain hut has running water but no heating.",
    ),
    (
        "What do plants need for photosynthesis?",
        "Leaves turn carbon dioxide and light into sugar and oxygen.",
        "The plant makes car parts and employs six hundred people.",
    ),
    (
        "How did the dinosaurs die out?",
        """An asteroid struck the Earth 66 million years ago and ended the reign of the giant \
reptiles.""",
        "The toy dinosaur runs until its battery dies.",
    ),
    (
        "The heavier an atom's nucleus, the more neutrons it tends to hold.",
        "Large elements have a growing surplus of uncharged particles in their core.",
        "The nucleus of the old town is closed to heavy lorries.",
    ),
    (
        "Vaccines train the immune system.",
        "After an injection the body learns to recognise a germ before it meets the real one.",
        "The train system was renewed and now runs every ten minutes.",
    ),
    (
        "What causes the tides?",
        "The pull of the moon raises the sea twice a day.",
        "What causes most house fires is a forgotten candle.",
    ),
    (
        "Metals expand when they are heated.",
        "Railway tracks have gaps because steel grows longer in summer.",
        "The firm wants to expand to Asia as soon as sales heat up.",
    ),
    (
        "DNA carries the instructions for building proteins.",
        "Genes are the recipe that cells follow to make their molecules.",
        "The shelf comes without instructions, but building it is easy.",
    ),
    (
        "Bees find their way back to the hive by the position of the sun.",
        "Insects that gather nectar navigate by daylight.",
        "Her spelling bee victory brought her a trip to the coast.",
    ),
    # Travel
    (
        "Is breakfast included in the price of the room?",
        "Guests of the hotel may help themselves to the morning buffet at no extra cost.",
        "The meeting room has a screen and seats for twenty people.",
    ),
    (
        "My luggage did not arrive with the flight.",
        "Passengers whose suitcases are missing should go to the desk of the airline.",
        "The flight of stairs leads down to the cellar.",
    ),
    (
        "Do I need a visa to visit as a tourist?",
        "Citizens of these countries may enter for ninety days with only a passport.",
        "Tourists visit the old mill mostly in August.",
    ),
    (
        "The last ferry leaves the island at nine in the evening.",
        "After 21:00 no boats go to the mainland.",
        "The evening market on the island sells cheese and honey.",
    ),
    (
        "What is the quickest way from the airport to the city centre?",
        "An express train takes passengers downtown in eighteen minutes.",
        "The centre for adult education teaches airport management.",
    ),
    (
        "We got lost in the narrow streets of the old town.",
        "Without a map we wandered around the medieval lanes for hours.",
        "The town lost its right to mint coins in the seventeenth century.",
    ),
    (
        "Which seat is best against travel sickness?",
        "Sit near the wing of the plane or at the front of the coach if you feel nauseous.",
        "Three seats on the council are best left to the opposition.",
    ),
    (
        "The camp site lies beside a lake and has showers.",
        "You can pitch your tent at the water's edge, with washing facilities.",
        "The election camp expects scattered showers of criticism.",
    ),
    (
        "May I cancel my booking free of charge?",
        "Reservations can be withdrawn until the day before arrival without a fee.",
        "The battery can be charged for free at the library.",
    ),
    (
        "It snows so much there that the pass is closed from November to May.",
        "In winter the road over the mountain cannot be used.",
        "With the season pass you can swim from May to November.",
    ),
    # Cooking
    (
        "How long do I boil an egg so that the yolk stays soft?",
        "Take it out of the hot water after five to six minutes.",
        "The soft ball rolled into the pond and the children cried.",
    ),
    (
        "What can I use instead of butter in a cake?",
        "Oil or apple sauce works well in place of fat when baking.",
        "The butter knife lies to the right of the plate.",
    ),
    (
        "Let the dough rest in a warm place until it has doubled in size.",
        "Yeast needs an hour of warmth to make bread rise.",
        "Rest your eyes every hour when you work at a screen.",
    ),
    (
        "The soup is far too salty.",
        "A raw potato in the pot draws out some of the seasoning.",
        "Salt lakes lie far below the level of the sea.",
    ),
    (
        "Is this dish suitable for vegetarians?",
        "There is neither meat nor fish in it, only beans and peppers.",
        "The satellite dish is suitable for flat roofs.",
    ),
    (
        "Chop the onions finely and fry them until golden.",
        "Brown the diced vegetables in a pan.",
        "The golden retriever ran off with a slipper.",
    ),
    (
        "Milk goes off quickly when it is not kept cold.",
        "Dairy products spoil outside the refrigerator.",
        "He goes off to work early when it is not too cold.",
    ),
    (
        "a sharp knife is safer than a blunt one",
        "You are less likely to cut yourself if the blade does not slip.",
        "The road makes a sharp bend to the left behind the church.",
    ),
    (
        "What goes well with grilled salmon?",
        "Serve the fish with lemon, dill and new potatoes.",
        "The interview went well and she starts in June.",
    ),
    (
        "Leave the tea to steep for four minutes.",
        "The brew gets bitter when the leaves stay in the pot for too long.",
        "The path is so steep that it takes forty minutes to the top.",
    ),
    # Law and work
    (
        "How many days of holiday am I entitled to?",
        "Full-time employees receive at least four weeks of paid leave a year.",
        "The holiday film is about a dog that saves a village.",
    ),
    (
        "Can my employer read my private emails?",
        "A company may not look into the personal correspondence of its staff.",
        "The private beach belongs to the hotel and is closed to the public.",
    ),
    (
        "The contract can be terminated by either party with a month's notice.",
        "Both sides may end the agreement if they say so four weeks ahead.",
        "The birthday party ended when nobody noticed that the cake was on fire.",
    ),
    (
        "Who inherits when there is no will?",
        "If the deceased left no testament, the property goes to the closest relatives.",
        "It will rain in the north, and there is no wind.",
    ),
    (
        "The witness refused to testify in court.",
        "Someone who saw the crime would not give evidence before the judge.",
        "The tennis court is booked until five.",
    ),
    (
        "Is it legal to record a phone call?",
        "In many countries a conversation may be taped only if everyone on the line agrees.",
        "The record for the high jump was broken twice last year.",
    ),
    (
        "She was fined for driving too fast.",
        "The speed camera caught her and she had to pay a penalty.",
        "The weather was fine for driving along the coast.",
    ),
    (
        "The goods may be returned within fourteen days.",
        "Customers have two weeks to send back what they bought.",
        "The swallows return within a fortnight of the thaw.",
    ),
    (
        "The patent protects the invention for twenty years.",
        "Nobody else may copy the device for two decades.",
        "Twenty years of sun cream protect the skin from wrinkles.",
    ),
    (
        "He was sacked without being given a reason.",
        "The firm dismissed him and did not say why.",
        "Each sack holds fifty kilos of grain.",
    ),
    # Sport
    (
        "Who won the final?",
        "The home side beat their rivals three to one and took the trophy.",
        "The final version of the report has ninety pages.",
    ),
    (
        "The runner collapsed shortly before the finish.",
        "An exhausted athlete fell down just metres from the end of the marathon.",
        "The table runner is made of linen with a silk finish.",
    ),
    (
        "How can I improve my backstroke?",
        "Keep your hips high in the water and roll your shoulders when swimming face up.",
        "She suffered a stroke and is improving slowly.",
    ),
    (
        "The referee sent a player off after a bad tackle.",
        "A defender was shown the red card for a foul.",
        "The record player was sent back with a bad cable.",
    ),
    (
        "What equipment do beginners need for climbing?",
        "A helmet, a harness, a rope and proper shoes are enough to start on the rock.",
        "Prices are climbing, and beginners find no affordable flat.",
    ),
    (
        "The match was called off because the pitch was flooded.",
        "Heavy rain made play impossible, so the game did not take place.",
        "Strike the match away from you and light the candle.",
    ),
    (
        "Yoga makes you more flexible.",
        "Regular stretching increases the range of movement of the joints.",
        "Flexible working hours make parents happier.",
    ),
    (
        "She serves better than she returns.",
        "Her strength at tennis is the first shot.",
        "The canteen serves better food than the restaurant.",
    ),
    (
        "Warm up before you lift weights.",
        "Cold muscles are injured more easily during exercise.",
        "Warm the plates in the oven before serving.",
    ),
    (
        "The cyclists have to cross three passes on today's stage.",
        "In this leg of the tour the riders climb over several mountains.",
        "The actors cross the stage three times in the first act.",
    ),
    # Computers
    (
        "I forgot my password.",
        "Click on the link to reset your login credentials.",
        "I forgot my umbrella on the tram.",
    ),
    (
        "The program crashes when it opens a large file.",
        "The application runs out of memory while loading big documents.",
        "The concert program lists a large number of opera singers.",
    ),
    (
        "How do I undo the last commit without losing my changes?",
        "Move the branch back one step and keep the edited files in the working directory.",
        "He wants to commit himself to losing ten kilos.",
    ),
    (
        "Python lists start at zero.",
        "The first element of an array has the index 0.",
        "The python at the zoo eats one rat a week.",
    ),
    (
        "The mouse pointer does not move any more.",
        "My cursor is frozen on the screen.",
        "A mouse moved into the shed for the winter.",
    ),
    (
        "make a copy of your data every night",
        "Backups should run daily, so that nothing is lost when a disk fails.",
        "Make sure that you get a copy of the key before Saturday.",
    ),
    (
        "Why is my internet so slow in the evening?",
        "When everyone streams video after work, the network is congested.",
        "The slow movement of the sonata was played last evening.",
    ),
    (
        "A database index speeds up searches at the price of slower writes.",
        "Queries find rows faster, but inserting takes longer.",
        "The price index rose faster than wages.",
    ),
    (
        "The server rejects too many requests with status 429.",
        "Clients that ask too often are told to wait and try again.",
        "Tips for the servers are shared with the kitchen.",
    ),
    (
        "This virus spreads by email attachments.",
        "Malicious software infects your computer when you open a file sent by a stranger.",
        "The flu virus spreads by coughing and sneezing.",
    ),
    # Health
    (
        "What helps against a headache?",
        "Drink water, rest in a dark room, or take a painkiller.",
        "The head of the department helps against the wall of paperwork.",
    ),
    (
        "My child has had a fever for two days.",
        "If a toddler's temperature stays high, call the doctor.",
        "Gold fever drew thousands of people to the river.",
    ),
    (
        "I can't fall asleep at night.",
        "Insomnia often gets better if you avoid screens and coffee before bed.",
        "The leaves fall in October, and the nights get cold.",
    ),
    (
        "Take one tablet three times a day after meals.",
        "The medicine should be swallowed with food, morning, noon and evening.",
        "The tablet has a ten inch screen and a keyboard.",
    ),
    (
        "She is allergic to nuts.",
        "Peanuts make her throat swell up.",
        "Tighten the nuts with a spanner.",
    ),
    (
        "He broke his leg while skiing.",
        "A fracture of the shin ended his winter sports trip.",
        "The first leg of the journey was by ship.",
    ),
    (
        "High blood pressure often has no symptoms.",
        "Many people with hypertension feel perfectly well.",
        "There was high pressure on the team to win.",
    ),
    (
        "How do I stop a nosebleed?",
        "Lean forward and pinch the soft part of your nostrils for ten minutes.",
        "Stop at the red light, even when nobody is coming.",
    ),
    (
        "The dentist has to fill two cavities.",
        "He has tooth decay in two molars.",
        "Please fill in both forms and sign them.",
    ),
    (
        "smoking damages the lungs",
        "Cigarettes are a main cause of breathing problems and cancer.",
        "The smoked ham was damaged during transport.",
    ),
    # An observatory
    (
        "When is the observatory closed?",
        "Visitors cannot come on Mondays.",
        "The window was closed, and it was hot in the room.",
    ),
    (
        "What can be seen through the telescope tonight?",
        "Saturn with its rings stands high in the south after ten.",
        "Through the tunnel it is two kilometres to the coast.",
    ),
    (
        "What happens if it is cloudy?",
        "In bad weather there is a talk indoors instead of stargazing.",
        "The cloud stores your photographs on several machines.",
    ),
    (
        "Are there discounts for school classes?",
        "Groups of pupils pay half the admission.",
        "The school of fish swam away from the shark.",
    ),
    (
        "The dome turns so that the telescope can follow the stars.",
        "The roof rotates with the sky while astronomers observe.",
        "The film star follows a strict diet.",
    ),
    (
        "A comet is a lump of ice and dust with a glowing tail.",
        "When such a dirty snowball comes near the sun, its gas begins to shine.",
        "The cat chases its tail when it has nothing to do.",
    ),
    (
        "Why do we use red lamps in the dome?",
        "Dim light of that colour does not spoil eyes that are used to the dark.",
        "The red carpet is rolled out for the gala.",
    ),
    (
        "The Milky Way contains more than a hundred billion stars.",
        "Our galaxy is made up of an enormous number of suns.",
        "The milk is on the way and will be here by six.",
    ),
    (
        "Can people in wheelchairs reach the platform?",
        "There is a lift and a ramp for visitors with reduced mobility.",
        "The chair of the platform committee resigned.",
    ),
    (
        "How far away is the moon?",
        "Our satellite orbits at a distance of some 384,000 kilometres.",
        "The honeymoon took them far away from the office.",
    ),
    # Money, school, animals, culture, weather, history
    (
        "Interest rates are going up.",
        "Mortgages are becoming more expensive because the central bank tightened its policy.",
        "The exhibition is of great interest to young people.",
    ),
    (
        "How do I open a bank account?",
        "Bring your passport and proof of address to the branch.",
        "They sat on the bank of the river and watched the ducks.",
    ),
    (
        "The pupils did not understand the homework.",
        "The exercise was too hard for the class.",
        "The pupils of the eye grow wider in the dark.",
    ),
    (
        "Our dog barks whenever the bell rings.",
        "The puppy makes a lot of noise when a visitor comes to the door.",
        "The bark of the birch is white and peels easily.",
    ),
    (
        "How do whales breathe?",
        "These sea mammals come to the surface for air.",
        "Breathe new life into old furniture with a coat of paint.",
    ),
    (
        "The novel was turned into a film.",
        "A movie was made of the book.",
        "A thin film of oil covered the puddle.",
    ),
    (
        "A storm is expected on the coast tomorrow.",
        "Forecasters warn of strong winds by the sea.",
        "Nobody expected the coach to be replaced tomorrow.",
    ),
    (
        "The wall that divided the city fell in 1989.",
        "Berlin was reunited at the end of the Cold War.",
        "The wall clock fell and broke into pieces.",
    ),
    (
        "Printing with movable type made books cheap.",
        "The press allowed texts to be reproduced in large numbers at low cost.",
        "He is not my type, and he never books a table.",
    ),
    (
        "The orchestra tunes its instruments before the concert.",
        "Violins and flutes adjust their pitch before the performance begins.",
        "Surgical instruments are sterilised before each operation.",
    ),
]
